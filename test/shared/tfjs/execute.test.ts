import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { AppError } from '@bespoke/shared/base/errors.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor } from '@bespoke/shared/tfjs/tf.js';
import { describe, expect, it } from 'vitest';

const { tf } = await openBackend('wasm');

function normGraph() {
  const builder = new GraphBuilder();
  const x = builder.input('input', [2, 1, 2]);
  return builder.build([builder.add('block', 'norm', 'batchNorm', { epsilon: 1e-3 }, x)]);
}

// Channel 0 holds 1, 3, 5, 7 and channel 1 holds 2, 2, 2, 6.
const inputs = new Map([['input', tf.tensor([1, 2, 3, 2, 5, 2, 7, 6], [2, 2, 1, 2])]]);
const weights = new Map<string, Tensor>([
  ['block/norm/scale', tf.tensor([1, 1])],
  ['block/norm/shift', tf.tensor([0, 0])],
  ['block/norm/mean', tf.tensor([0, 0])],
  ['block/norm/variance', tf.tensor([1, 1])],
]);

describe('execute', () => {
  it('tells mean and unbiased variance of the batch in training', () => {
    const told: [string, number[], number[]][] = [];
    tf.tidy(() => {
      execute(tf, normGraph(), inputs, weights, {
        training: true,
        onStatistics: (id, mean, variance) => told.push([id, [...mean.dataSync()], [...variance.dataSync()]]),
      });
    });
    expect(told[0]![0]).toBe('block/norm');
    expect(told[0]![1]).toEqual([4, 3]);
    expect(told[0]![2]![0]).toBeCloseTo(20 / 3, 5);
    expect(told[0]![2]![1]).toBeCloseTo(4, 5);
  });

  it('leaves the outputs alone behind, each new', () => {
    const before = tf.memory().numTensors;
    const builder = new GraphBuilder();
    const x = builder.input('input', [2, 1, 2]);
    const y = builder.add('block', 'relu', 'activation', { kind: 'relu' }, x);
    const z = builder.add('block', 'sum', 'add', { fused: 'none' }, y, y);
    const outputs = execute(tf, builder.build([y, z, x]), inputs, new Map(), { training: false });
    expect(tf.memory().numTensors - before).toBe(3);
    for (const output of outputs) output.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(inputs.get('input')!.isDisposed).toBe(false);
  });

  it('multiplies the outputs of nodes by their masks, forwards and backwards', () => {
    const builder = new GraphBuilder();
    const x = builder.input('input', [1, 1, 2]);
    const y = builder.add('block', 'relu', 'activation', { kind: 'relu' }, x);
    const graph = builder.build([builder.add('block', 'sum', 'add', { fused: 'none' }, y, x)]);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const masks = new Map([['block/relu', tf.tensor([0, 2], [2, 1, 1, 1])]]);
      const run = (input: Tensor) =>
        execute(tf, graph, new Map([['input', input]]), new Map(), { training: true, masks })[0]!;
      const input = tf.tensor([1, 2, 3, 4], [2, 1, 1, 2]);
      expect([...run(input).dataSync()]).toEqual([1, 2, 9, 12]);
      expect([...tf.grad(run)(input).dataSync()]).toEqual([1, 1, 3, 3]);
      expect(masks.get('block/relu')!.isDisposed).toBe(false);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('disposes of statistics that nobody asked for', () => {
    const before = tf.memory().numTensors;
    for (const output of execute(tf, normGraph(), inputs, weights, { training: true })) output.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names the weight that is missing', () => {
    const rest = new Map([...weights].filter(([name]) => name !== 'block/norm/shift'));
    expect(() => execute(tf, normGraph(), inputs, rest, { training: false })).toThrowError(
      new AppError('WEIGHTS_MISMATCH', { name: 'block/norm/shift', expected: 'a tensor', got: 'nothing' }),
    );
  });

  it('names the input that is missing', () => {
    expect(() => execute(tf, normGraph(), new Map(), weights, { training: false })).toThrowError(/input "input"/);
  });
});
