import { countPeakBytes } from '@bespoke/shared/cost/memory.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { describe, expect, it } from 'vitest';

describe('countPeakBytes', () => {
  it('frees a tensor after its last reader', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [10]);
    const wide = builder.add('b', 'wide', 'dense', { units: 100, bias: true, fused: 'none' }, x);
    const thin = builder.add('b', 'thin', 'dense', { units: 5, bias: true, fused: 'none' }, wide);
    const last = builder.add('b', 'last', 'dense', { units: 20, bias: true, fused: 'none' }, thin);
    expect(countPeakBytes(builder.build([last]))).toBe(4 * (10 + 100));
  });

  it('keeps a shortcut alive until it is added', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [10]);
    const relu = builder.add('b', 'relu', 'activation', { kind: 'relu' }, x);
    const sigmoid = builder.add('b', 'sigmoid', 'activation', { kind: 'sigmoid' }, relu);
    const sum = builder.add('b', 'sum', 'add', { fused: 'none' }, x, sigmoid);
    expect(countPeakBytes(builder.build([sum]))).toBe(4 * 30);
  });
});
