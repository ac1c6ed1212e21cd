import { Tape } from '@bespoke/cloud/train/gpipe/tape.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import type { Tensor, Tensor2D, Tensor4D, Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';

let tf: Tf;
beforeAll(async () => {
  tf = (await openBackend()).tf;
});

const numbers = (tensors: readonly Tensor[]) => tensors.map((tensor) => [...tensor.dataSync()]);

/** x and w, both read more than once, and what comes of them. */
function open() {
  const x = tf.tensor([0.3, -1.2, 2.5]);
  const w = tf.tensor([1.7, 0.4, -0.9]);
  const forward = () => {
    const product = tf.mul(x, w);
    return [tf.add(tf.exp(product), tf.mul(product, x)), tf.sigmoid(tf.add(product, w))];
  };
  return { x, w, forward };
}

describe('Tape', () => {
  it('gives the gradients of tf.grads, bit for bit, of several outputs', () => {
    const { x, w, forward } = open();
    const dys = [tf.tensor([0.1, 0.2, 0.3]), tf.tensor([-1, 2, 5])];
    const expected = tf.grads(() => {
      const [a, b] = forward();
      return tf.add(tf.sum(tf.mul(a!, dys[0]!)), tf.sum(tf.mul(b!, dys[1]!)));
    })([x, w]);
    const { tape, ys } = Tape.record(tf, [x, w], forward);
    tf.dispose(ys);
    expect(numbers(tape.backward(dys))).toEqual(numbers(expected));
  });

  it('gives the gradients of some xs first and of the others later, each bit as of all at once', () => {
    const image = tf.randomNormal([2, 6, 6, 3], 0, 1, 'float32', 5);
    const weights = [
      tf.randomNormal([3, 3, 3, 4], 0, 1, 'float32', 6),
      tf.tensor1d([0.5, -1, 2, 1]),
      tf.randomNormal([3, 3, 4, 2], 0, 1, 'float32', 7),
      tf.randomNormal([8, 5], 0, 1, 'float32', 8),
    ] as const;
    const [filter, scale, depthwise, dense] = weights;
    const xs = [...weights, image];
    const forward = () => {
      const conv = tf.conv2d(image as Tensor4D, filter as Tensor4D, 1, 'same');
      const wide = tf.depthwiseConv2d(tf.relu6(tf.mul(conv, scale)) as Tensor4D, depthwise as Tensor4D, 1, 'same');
      const pooled = tf.mean(wide, [1, 2]) as Tensor2D;
      return [tf.matMul(pooled, tf.square(dense) as Tensor2D)] as const; // what comes of a weight alone can wait with it
    };
    const record = () => Tape.record(tf, xs, forward).tape;
    const dy = () => [tf.ones([2, 5])];
    const expected = numbers(record().backward(dy()));
    const before = tf.memory().numTensors;
    const tape = record();
    const first = tape.backward(dy(), [image]);
    const later = tape.backward([], weights);
    expect(numbers([...later, ...first])).toEqual(expected);
    tf.dispose([...later, ...first]);
    const dropped = record();
    tf.dispose(dropped.backward(dy(), [image]));
    dropped.dispose();
    expect(tf.memory().numTensors - before).toBe(2); // the results of the two recordings
  });

  it('keeps several recordings open, and takes their gradients in any order', () => {
    const { x, forward } = open();
    const first = Tape.record(tf, [x], forward).tape;
    const second = Tape.record(tf, [x], () => [tf.square(x)] as const).tape;
    expect(numbers(second.backward([tf.ones([3])]))).toEqual(numbers([tf.mul(x, 2)]));
    const expected = tf.grad(() => tf.sum(forward()[0]!))(x);
    expect(numbers(first.backward([tf.ones([3])]))).toEqual(numbers([expected]));
  });

  it('adds the gradient of an input that is handed on to that of its use', () => {
    const x = tf.tensor([1, 2, 3]);
    const { tape } = Tape.record(tf, [x], () => [x.clone(), tf.square(x)] as const);
    const [dx] = tape.backward([tf.tensor([10, 20, 30]), tf.tensor([1, 1, 1])]);
    expect([...dx!.dataSync()]).toEqual([12, 24, 36]);
  });

  it('leaves the rest aside: results without a gradient, and what does not come of an x', () => {
    const x = tf.tensor([1, 2, 3]);
    const other = tf.tensor([4, 5, 6]);
    const { tape } = Tape.record(tf, [x], () => [tf.mul(x, tf.square(other)), tf.exp(x)] as const);
    expect(numbers(tape.backward([tf.ones([3])]))).toEqual([[16, 25, 36]]);
  });

  it('lets go of every tensor, spent or disposed of, with its inputs gone before', () => {
    const before = tf.memory().numTensors;
    for (const isSpent of [true, false]) {
      const { x, w, forward } = open();
      const { tape, ys } = Tape.record(tf, [x, w], forward);
      tf.dispose([...ys, x, w]);
      expect(tf.memory().numTensors).toBeGreaterThan(before);
      if (isSpent) tf.dispose(tape.backward([tf.ones([3]), tf.ones([3])]));
      else tape.dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it('is closed when the forward throws: the next one records', () => {
    const { x } = open();
    const before = tf.memory().numTensors;
    const fail = () => {
      tf.square(x);
      throw new Error('no more');
    };
    expect(() => Tape.record(tf, [x], fail)).toThrow('no more');
    expect(tf.memory().numTensors).toBe(before);
    const { tape } = Tape.record(tf, [x], () => [tf.square(x)] as const);
    expect(numbers(tape.backward([tf.ones([3])]))).toEqual(numbers([tf.mul(x, 2)]));
  });
});
