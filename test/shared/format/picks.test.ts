import { slicesToPicks } from '@bespoke/shared/format/picks.js';
import { GraphBuilder, type Node } from '@bespoke/shared/graph/graph.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const ops = (nodes: readonly Node[]) => nodes.map(({ op }) => op).join(' ');

/** A slice that a 1x1 convolution with stride 2 reads. */
function sliced(height: number, begin: number, isOutput = false) {
  const builder = new GraphBuilder();
  const input = builder.input('input', [height, 6, 3]);
  const size = [height - begin, 6 - begin, 3];
  const slice = builder.add('x', 'shift', 'slice', { begin: [begin, begin, 0], size }, input);
  const conv = { filters: 4, kernel: [1, 1], stride: [2, 2], dilation: 1, bias: false, fused: 'none' } as const;
  const read = builder.add('x', 'conv', 'conv2d', conv, slice);
  const graph = builder.build(isOutput ? [read, slice] : [read]);
  return { graph, weights: initializeWeights(graph, 0) };
}

describe('slicesToPicks', () => {
  it('puts a depthwise convolution that picks every other pixel for the slice, and a stride of 1 behind it', () => {
    const before = sliced(4, 1);
    const { graph, weights } = slicesToPicks(before);
    expect(ops(graph.nodes)).toBe('depthwiseConv2d conv2d');
    expect(graph.nodes.map(({ shape }) => shape)).toEqual([
      [2, 3, 3],
      [2, 3, 4],
    ]);
    expect(graph.nodes[1]!.attributes).toMatchObject({ stride: [1, 1] });
    const { shape, values } = weights.get('x/shift/filter')!;
    expect([shape, [...values]]).toEqual([
      [2, 2, 3, 1],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
    ]);
    expect(weights.get('x/conv/filter')).toBe(before.weights.get('x/conv/filter'));
  });

  it('leaves what is not just that: a map of odd height, a shift by two, a slice that is an output', () => {
    for (const { graph, weights } of [sliced(5, 1), sliced(4, 2), sliced(4, 1, true)]) {
      expect(slicesToPicks({ graph, weights }).graph).toEqual(graph);
    }
  });

  it('takes all slices of a cell that halves', () => {
    const body = { kind: 'cell-part', part: { kind: 'op', op: 'skip_connect', stride: 2 } } as const;
    const graph = lowerSingle('cell', body, [[8, 8, 8]]);
    expect(ops(graph.nodes)).toContain('slice');
    expect(ops(slicesToPicks({ graph, weights: initializeWeights(graph, 0) }).graph.nodes)).not.toContain('slice');
  });
});
