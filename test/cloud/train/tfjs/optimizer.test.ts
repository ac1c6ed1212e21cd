import type { Optimizer, OptimizerKind } from '@bespoke/cloud/train/recipe.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import {
  applyGradients,
  averageDecayAt,
  type OptimizerStep,
  optimizerBytesPerParameter,
} from '@bespoke/cloud/train/tfjs/optimizer.js';
import { Variables } from '@bespoke/cloud/train/tfjs/variables.js';
import type { WeightTensor } from '@bespoke/shared/graph/weights.js';
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

const settings = { stepsDone: 0, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 };
const names = ['a/conv/filter', 'a/norm/scale'];
const gradients = () => [tf.tensor([0.5, 0.25], [1, 1, 1, 2]), tf.tensor([1])];

describe('applyGradients', () => {
  it('moves weights as Nesterov momentum by hand does, decay on filters only', async () => {
    const variables = new Variables(tf, initial());
    applyGradients(tf, variables, names, gradients(), settings);
    const first = await variables.readValues();
    // g = .5 + .01 * 1 = .51, v = .51, w = 1 - .1 * (.51 + .9 * .51) = .9031;  g = .25 - .02 = .23, w = -2 - .1 * 1.9 * .23 = -2.0437
    expect(first.get('a/conv/filter')!.values[0]).toBeCloseTo(0.9031, 6);
    expect(first.get('a/conv/filter')!.values[1]).toBeCloseTo(-2.0437, 6);
    expect(first.get('a/conv/filter')!.shape).toEqual([1, 1, 1, 2]);
    expect(first.get('a/norm/scale')!.values[0]).toBeCloseTo(3 - 0.1 * 1.9, 6);

    applyGradients(tf, variables, names, gradients(), settings);
    const second = await variables.readValues();
    // g = .5 + .009031 = .509031, v = .9 * .51 + .509031 = .968031, w = .9031 - .1 * (.509031 + .9 * .968031) = .76507411
    expect(second.get('a/conv/filter')!.values[0]).toBeCloseTo(0.76507411, 6);
    // v = .9 + 1 = 1.9, w = 2.81 - .1 * (1 + .9 * 1.9) = 2.539
    expect(second.get('a/norm/scale')!.values[0]).toBeCloseTo(2.539, 6);
    variables.dispose();
  });

  it('leaves weights that are not named as they were: no decay, no momentum', async () => {
    const variables = new Variables(tf, initial());
    applyGradients(tf, variables, ['b/conv/filter'], [tf.tensor([1])], settings);
    const before = (await variables.readState()).get('value:b/conv/filter')!.values;
    applyGradients(tf, variables, names, gradients(), settings);
    const state = await variables.readState();
    expect(state.get('value:b/conv/filter')!.values).toEqual(before);
    expect(state.get('velocity:b/conv/filter')!.values[0]).toBeCloseTo(1.04, 6);
    variables.dispose();
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const variables = new Variables(tf, initial());
    applyGradients(tf, variables, names, gradients(), settings);
    const after = tf.memory().numTensors;
    applyGradients(tf, variables, names, gradients(), settings);
    expect(tf.memory().numTensors).toBe(after);
    variables.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** Three steps of one weight, a filter, by the formulas of the papers in float64. */
type Reference = (w: number, gradients: readonly number[], step: OptimizerStep) => number[];
const references: { readonly [K in OptimizerKind]: Reference } = {
  sgd(w, gradients, { learningRate, momentum, weightDecay }) {
    let v = 0;
    return gradients.map((gradient) => {
      const g = gradient + weightDecay * w;
      v = momentum * v + g;
      w -= learningRate * (g + momentum * v);
      return w;
    });
  },
  rmsprop(w, gradients, { learningRate, momentum, weightDecay, optimizer }) {
    const { squareDecay, epsilon } = optimizer as Extract<Optimizer, { kind: 'rmsprop' }>;
    let [square, v] = [1, 0];
    return gradients.map((gradient) => {
      const g = gradient + weightDecay * w;
      square = squareDecay * square + (1 - squareDecay) * g ** 2;
      v = momentum * v + (learningRate * g) / Math.sqrt(square + epsilon);
      w -= v;
      return w;
    });
  },
  adam(w, gradients, { learningRate, momentum, weightDecay, optimizer }) {
    const { squareDecay, epsilon } = optimizer as Extract<Optimizer, { kind: 'adam' }>;
    let [mean, square] = [0, 0];
    return gradients.map((gradient, index) => {
      const g = gradient + weightDecay * w;
      mean = momentum * mean + (1 - momentum) * g;
      square = squareDecay * square + (1 - squareDecay) * g ** 2;
      const [unbiasedMean, unbiasedSquare] = [
        mean / (1 - momentum ** (index + 1)),
        square / (1 - squareDecay ** (index + 1)),
      ];
      w -= (learningRate * unbiasedMean) / (Math.sqrt(unbiasedSquare) + epsilon);
      return w;
    });
  },
};

const optimizers: readonly Optimizer[] = [
  { kind: 'sgd' },
  { kind: 'rmsprop', squareDecay: 0.9, epsilon: 1e-3 },
  { kind: 'rmsprop', squareDecay: 0.8, epsilon: 1 },
  { kind: 'adam', squareDecay: 0.999, epsilon: 1e-8 },
];
const slotNames = {
  sgd: ['velocity'],
  rmsprop: ['square', 'velocity'],
  adam: ['square', 'velocity'],
} as const;

describe.each(optimizers)('applyGradients: %j', (optimizer) => {
  const step = { ...settings, optimizer };
  const gradientsOf = [0.5, -0.25, 2];

  async function train(more: Partial<OptimizerStep>): Promise<Map<string, WeightTensor>> {
    const variables = new Variables(tf, initial());
    for (const [stepsDone, gradient] of gradientsOf.entries())
      applyGradients(tf, variables, names, [tf.tensor([gradient, 3 * gradient], [1, 1, 1, 2]), tf.tensor([gradient])], {
        ...step,
        ...more,
        stepsDone,
      });
    const state = await variables.readState();
    variables.dispose();
    return state;
  }

  it('moves weights as float64 does, decay on filters only', async () => {
    const state = await train({});
    const last = (w: number, scale: number, decay: number) => {
      const gradients = gradientsOf.map((gradient) => scale * gradient);
      return references[optimizer.kind](w, gradients, { ...step, weightDecay: decay }).at(-1)!;
    };
    const [filter, scale] = names.map((name) => state.get(`value:${name}`)!.values);
    expect(filter![0]).toBeCloseTo(last(1, 1, settings.weightDecay), 5);
    expect(filter![1]).toBeCloseTo(last(-2, 3, settings.weightDecay), 5);
    expect(scale![0]).toBeCloseTo(last(3, 1, 0), 5);
  });

  it('multiplies gradients by a scale before it adds decay', async () => {
    const [filter] = (await train({ gradientScale: 0.5 })).get(`value:${names[0]}`)!.values;
    const gradients = gradientsOf.map((gradient) => 0.5 * gradient);
    expect(filter).toBeCloseTo(references[optimizer.kind](1, gradients, step).at(-1)!, 5);
  });

  it('remembers running means of the weights that lag less in the beginning', async () => {
    const [got] = (await train({ averageDecay: 0.15 })).get(`average:${names[0]}`)!.values;
    let average = 1;
    for (const [index, w] of references[optimizer.kind](1, gradientsOf, step).entries()) {
      const decay = [1 / 10, 0.15, 0.15][index]!; // (1 + n) / (10 + n) is 1/10, 2/11, 3/12
      average = decay * average + (1 - decay) * w;
    }
    expect(got).toBeCloseTo(average, 5);
  });

  it('remembers what it is said to, flat, and leaves no tensors behind', async () => {
    const before = tf.memory().numTensors;
    const state = await train({ averageDecay: 0.9 });
    expect(tf.memory().numTensors).toBe(before);
    const slots = [...state.keys()].filter((key) => key.endsWith('a/conv/filter') && !key.startsWith('value')).sort();
    expect(slots).toEqual(['average', ...slotNames[optimizer.kind]].map((slot) => `${slot}:a/conv/filter`));
    expect(slots.map((key) => state.get(key)!.shape)).toEqual(slots.map(() => [2]));
    expect(optimizerBytesPerParameter({ optimizer, averageDecay: 0.9 })).toBe(4 * slots.length);
    expect(optimizerBytesPerParameter({ optimizer })).toBe(4 * (slots.length - 1));
  });
});

describe('averageDecayAt', () => {
  it.each([
    [0, 0.1],
    [8, 0.5],
    [9989, 0.9991],
    [1e6, 0.9999],
  ])('after %d steps is %d', (stepsDone, expected) => {
    expect(averageDecayAt(0.9999, stepsDone)).toBeCloseTo(expected, 6);
  });
});
