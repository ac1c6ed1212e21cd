import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { applySgd } from '@bespoke/cloud/train/tfjs/optimizer.js';
import { Variables } from '@bespoke/cloud/train/tfjs/variables.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';

let tf: Tf;
beforeAll(async () => {
  ({ tf } = await openBackend('wasm'));
});

const initial = () =>
  new Map([
    ['a/conv/filter', { shape: [1, 1, 1, 2], values: Float32Array.from([1, -2]) }],
    ['a/norm/scale', { shape: [1], values: Float32Array.from([3]) }],
    ['b/conv/filter', { shape: [1], values: Float32Array.from([4]) }],
  ]);

const settings = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 };
const names = ['a/conv/filter', 'a/norm/scale'];
const gradients = () => [tf.tensor([0.5, 0.25], [1, 1, 1, 2]), tf.tensor([1])];

describe('applySgd', () => {
  it('moves weights as Nesterov momentum by hand does, decay on filters only', async () => {
    const variables = new Variables(tf, initial());
    applySgd(tf, variables, names, gradients(), settings);
    const first = await variables.readValues();
    // g = .5 + .01 * 1 = .51, v = .51, w = 1 - .1 * (.51 + .9 * .51) = .9031;  g = .25 - .02 = .23, w = -2 - .1 * 1.9 * .23 = -2.0437
    expect(first.get('a/conv/filter')!.values[0]).toBeCloseTo(0.9031, 6);
    expect(first.get('a/conv/filter')!.values[1]).toBeCloseTo(-2.0437, 6);
    expect(first.get('a/conv/filter')!.shape).toEqual([1, 1, 1, 2]);
    expect(first.get('a/norm/scale')!.values[0]).toBeCloseTo(3 - 0.1 * 1.9, 6);

    applySgd(tf, variables, names, gradients(), settings);
    const second = await variables.readValues();
    // g = .5 + .009031 = .509031, v = .9 * .51 + .509031 = .968031, w = .9031 - .1 * (.509031 + .9 * .968031) = .76507411
    expect(second.get('a/conv/filter')!.values[0]).toBeCloseTo(0.76507411, 6);
    // v = .9 + 1 = 1.9, w = 2.81 - .1 * (1 + .9 * 1.9) = 2.539
    expect(second.get('a/norm/scale')!.values[0]).toBeCloseTo(2.539, 6);
    variables.dispose();
  });

  it('leaves weights that are not named as they were: no decay, no momentum', async () => {
    const variables = new Variables(tf, initial());
    applySgd(tf, variables, ['b/conv/filter'], [tf.tensor([1])], settings);
    const before = (await variables.readState()).get('value:b/conv/filter')!.values;
    applySgd(tf, variables, names, gradients(), settings);
    const state = await variables.readState();
    expect(state.get('value:b/conv/filter')!.values).toEqual(before);
    expect(state.get('velocity:b/conv/filter')!.values[0]).toBeCloseTo(1.04, 6);
    variables.dispose();
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const variables = new Variables(tf, initial());
    applySgd(tf, variables, names, gradients(), settings);
    const after = tf.memory().numTensors;
    applySgd(tf, variables, names, gradients(), settings);
    expect(tf.memory().numTensors).toBe(after);
    variables.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
