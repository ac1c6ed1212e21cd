import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { choose, samplePath } from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { delegateOrder } from '@bespoke/shared/format/delegate-order.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { type Graph, GraphBuilder, type Node } from '@bespoke/shared/graph/graph.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { describe, expect, it } from 'vitest';

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const names = (nodes: readonly Node[]) => nodes.map(({ id }) => id.slice(id.indexOf('/') + 1)).join(' ');

function inferenceGraph(network: Network): Graph {
  const graph = lower(network);
  return fold(graph, initializeWeights(graph, 0)).graph;
}

/** Parts by their definition: as long as anything of the part's kind can be computed, it is in the part. */
function partsOf(nodes: readonly Node[]): Node[][] {
  const made = new Set(['input']);
  const parts: Node[][] = [];
  let rest = [...nodes];
  while (rest.length > 0) {
    const part: Node[] = [];
    const isLeft = (node: Node) => ['concat', 'slice', 'shuffleChannels'].includes(node.op);
    const isReady = (node: Node) => node.inputs.every((id) => made.has(id));
    for (let next = rest.find(isReady); next; ) {
      part.push(next);
      made.add(next.id);
      rest = rest.filter((node) => node !== next);
      next = rest.find((node) => isReady(node) && isLeft(node) === isLeft(part[0]!));
    }
    parts.push(part);
  }
  return parts;
}

describe('delegateOrder', () => {
  //   as built     a  add  b │ concat │ c          b needs nothing of add
  //   as written   a  b  add │ concat │ c
  it('ends a part in an addition that nothing else in it reads', () => {
    const builder = new GraphBuilder();
    const input = builder.input('input', [4, 4, 8]);
    const relu = (name: string, x: string) => builder.add('x', name, 'activation', { kind: 'relu' }, x);
    const a = relu('a', input);
    const sum = builder.add('x', 'add', 'add', { fused: 'none' }, a, input);
    const b = relu('b', a);
    relu('c', builder.add('x', 'concat', 'concat', {}, sum, b));
    const graph = builder.build(['x/c']);
    expect(names(graph.nodes)).toBe('a add b concat c');
    expect(names(delegateOrder(graph))).toBe('a b add concat c');
  });

  it('leaves an addition where it is that something in the part reads', () => {
    const builder = new GraphBuilder();
    const input = builder.input('input', [4, 4, 8]);
    const sum = builder.add('x', 'add', 'add', { fused: 'none' }, input, input);
    const read = builder.add('x', 'read', 'activation', { kind: 'relu' }, sum);
    builder.add('x', 'concat', 'concat', {}, sum, read);
    expect(names(delegateOrder(builder.build(['x/concat'])))).toBe('add read concat');
  });

  it('is a topological order of all nodes, in parts that end in additions wherever they can', () => {
    let movedCount = 0;
    for (let seed = 0; seed < 20; seed++) {
      const stream = randomStream(seed, 'order');
      const space = openCells(resolveCells({ preset: 'paper', cells: 5, channels: 16 }), shape);
      const graph = inferenceGraph(space.decode(drawGenes(space, stream)));
      const order = delegateOrder(graph);
      expect(new Set(order)).toEqual(new Set(graph.nodes));
      expect(order).toHaveLength(graph.nodes.length);
      const made = new Set(['input']);
      for (const { id, inputs } of order) {
        expect(inputs.filter((each) => !made.has(each))).toEqual([]);
        made.add(id);
      }
      let at = 0;
      for (const part of partsOf(graph.nodes)) {
        const written = order.slice(at, at + part.length);
        at += part.length;
        expect(new Set(written)).toEqual(new Set(part));
        const canEnd = part.filter((node) => !part.some(({ inputs }) => inputs.includes(node.id)));
        if (canEnd.some(({ op }) => op === 'add')) expect(written.at(-1)!.op).toBe('add');
        movedCount += Number(written.at(-1) !== part.at(-1));
      }
    }
    expect(movedCount).toBeGreaterThan(20);
  });

  it('changes nothing where the delegate takes all', () => {
    const space = buildSpace({ preset: 'small' }, shape);
    const graph = inferenceGraph(choose(space, samplePath(space, randomStream(0, 'order'))));
    expect(delegateOrder(graph)).toEqual(graph.nodes);
  });
});
