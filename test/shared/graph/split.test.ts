import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { blocksOf, split } from '@bespoke/shared/graph/split.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';

/** Four blocks; the first block's output is read by the second and, across the third, by the last. */
function skipGraph() {
  const builder = new GraphBuilder();
  const relu = (block: string, input: string) => builder.add(block, 'act', 'activation', { kind: 'relu' }, input);
  const a = relu('a', builder.input('x', [2, 2, 1]));
  const c = relu('c', relu('b', a));
  return builder.build([builder.add('d', 'sum', 'add', { fused: 'none' }, a, c)]);
}

describe('split', () => {
  it('hands on what a later partition reads', () => {
    const parts = split(skipGraph(), [1, 1, 2]).map((part) => [
      part.inputs.map(({ id }) => id).join(' '),
      part.nodes.map(({ id }) => id).join(' '),
      part.outputs.join(' '),
    ]);
    expect(parts).toEqual([
      ['x', 'a/act', 'a/act'],
      ['a/act', 'b/act', 'a/act b/act'],
      ['a/act b/act', 'c/act d/sum', 'd/sum'],
    ]);
  });

  it('cuts a cell network anywhere, with two tensors at most between partitions', () => {
    const graph = lower(zooNetwork('eeea-a', { cells: 6 }));
    const blocks = blocksOf(graph);
    expect(blocks).toEqual(['stem', 'cell0', 'cell1', 'cell2', 'cell3', 'cell4', 'cell5', 'head']);
    const parts = split(
      graph,
      blocks.map(() => 1),
    );
    expect(parts.flatMap((part) => part.nodes)).toEqual(graph.nodes);
    expect(Math.max(...parts.map((part) => part.inputs.length))).toBe(2);
    expect(parts.reduce((sum, part) => sum + countParams(part), 0)).toBe(countParams(graph));
  });

  it.each([[[1, 2]], [[4, 0]], [[2.5, 1.5]]])('refuses the balance %j', (balance) => {
    expect(() => split(skipGraph(), balance)).toThrow(
      `illegal graph at balance: expected positive integers that add up to 4 blocks, but got [${balance}]`,
    );
  });
});

describe('blocksOf', () => {
  it('refuses a block whose nodes do not stand side by side', () => {
    const builder = new GraphBuilder();
    const relu = (block: string, name: string, input: string) =>
      builder.add(block, name, 'activation', { kind: 'relu' }, input);
    const graph = builder.build([relu('a', '2', relu('b', '1', relu('a', '1', builder.input('x', [2]))))]);
    expect(() => blocksOf(graph)).toThrow(
      'illegal graph at a/2: expected the nodes of a block side by side, but got b between',
    );
  });
});
