import { fold } from '@bespoke/shared/graph/fold.js';
import { type Graph, GraphBuilder } from '@bespoke/shared/graph/graph.js';
import type { OpAttributes } from '@bespoke/shared/graph/op.js';
import type { WeightTensor } from '@bespoke/shared/graph/weights.js';
import { describe, expect, it } from 'vitest';
import { caseInputs, caseWeights, conformanceCases } from '../../conformance/cases.js';
import { referenceForward } from '../../conformance/reference.js';

const pointwise: OpAttributes['conv2d'] = {
  filters: 2,
  kernel: [1, 1],
  stride: [1, 1],
  dilation: 1,
  bias: false,
  fused: 'none',
};

const tensor = (shape: readonly number[], ...values: number[]): WeightTensor => ({
  shape,
  values: Float32Array.from(values),
});

/** `id op inputs` of each node, with its fused activation. */
function outline(graph: Graph): string[] {
  return graph.nodes.map(({ id, op, inputs, attributes }) => {
    const fused = 'fused' in attributes && attributes.fused !== 'none' ? ` ${attributes.fused}` : '';
    return `${id} ${op}${fused} <- ${inputs.join(' ')}`;
  });
}

describe('fold', () => {
  it('folds a batch norm and a relu into the convolution before them', () => {
    const builder = new GraphBuilder();
    const conv = builder.add('b', 'conv', 'conv2d', pointwise, builder.input('x', [3, 3, 1]));
    const norm = builder.add('b', 'norm', 'batchNorm', { epsilon: 0.25 }, conv);
    const graph = builder.build([builder.add('b', 'act', 'activation', { kind: 'relu6' }, norm)]);
    const weights = new Map([
      ['b/conv/filter', tensor([1, 1, 1, 2], 3, 5)],
      ['b/norm/scale', tensor([2], 2, 4)],
      ['b/norm/shift', tensor([2], 10, 20)],
      ['b/norm/mean', tensor([2], 1, 2)],
      ['b/norm/variance', tensor([2], 0.75, 3.75)],
    ]);
    const folded = fold(graph, weights);
    expect(outline(folded.graph)).toEqual(['b/conv conv2d relu6 <- x']);
    expect(folded.graph.outputs).toEqual(['b/conv']);
    // factor = scale / sqrt(variance + epsilon) = 2, 2; bias = shift - mean * factor
    expect([...folded.weights.keys()].sort()).toEqual(['b/conv/bias', 'b/conv/filter']);
    expect([...folded.weights.get('b/conv/filter')!.values]).toEqual([6, 10]);
    expect([...folded.weights.get('b/conv/bias')!.values]).toEqual([8, 16]);
  });

  it('turns a batch norm after an add into a depthwise convolution and fuses the relu behind it', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [3, 3, 2]);
    const sum = builder.add('b', 'sum', 'add', { fused: 'none' }, x, x);
    const norm = builder.add('b', 'norm', 'batchNorm', { epsilon: 1e-3 }, sum);
    const graph = builder.build([builder.add('b', 'act', 'activation', { kind: 'relu' }, norm)]);
    expect(outline(fold(graph, caseWeights({ name: 'fold', graph, batchSize: 1, training: false })).graph)).toEqual([
      'b/sum add <- x x',
      'b/norm depthwiseConv2d relu <- b/sum',
    ]);
  });

  it('leaves a convolution alone whose output is read beside the batch norm', () => {
    const builder = new GraphBuilder();
    const conv = builder.add('b', 'conv', 'conv2d', pointwise, builder.input('x', [3, 3, 1]));
    const norm = builder.add('b', 'norm', 'batchNorm', { epsilon: 1e-3 }, conv);
    const graph = builder.build([conv, builder.add('b', 'act', 'activation', { kind: 'hardSwish' }, norm)]);
    expect(outline(fold(graph, caseWeights({ name: 'fold', graph, batchSize: 1, training: false })).graph)).toEqual([
      'b/conv conv2d <- x',
      'b/norm depthwiseConv2d <- b/conv',
      'b/act activation <- b/norm',
    ]);
  });

  it('does not fold a batch norm through a fused activation', () => {
    const builder = new GraphBuilder();
    const conv = builder.add('b', 'conv', 'conv2d', { ...pointwise, fused: 'relu' }, builder.input('x', [3, 3, 1]));
    const graph = builder.build([builder.add('b', 'norm', 'batchNorm', { epsilon: 1e-3 }, conv)]);
    expect(outline(fold(graph, caseWeights({ name: 'fold', graph, batchSize: 1, training: false })).graph)).toEqual([
      'b/conv conv2d relu <- x',
      'b/norm depthwiseConv2d <- b/conv',
    ]);
  });

  it("refuses weights that are not the graph's", () => {
    const builder = new GraphBuilder();
    const graph = builder.build([builder.add('b', 'conv', 'conv2d', pointwise, builder.input('x', [3, 3, 1]))]);
    expect(() => fold(graph, new Map())).toThrowError(expect.objectContaining({ code: 'WEIGHTS_MISMATCH' }));
  });

  it.each(conformanceCases)('keeps the outputs of $name', (row) => {
    const folded = fold(row.graph, caseWeights(row));
    const before = referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), false);
    const after = referenceForward(folded.graph, row.batchSize, caseInputs(row), folded.weights, false);
    before.forEach(({ data }, index) => {
      for (let i = 0; i < data.length; i++) expect(after[index]!.data[i]).toBeCloseTo(data[i]!, 5);
    });
  });
});
