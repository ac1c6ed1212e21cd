/**
 * Optimizers: how a gradient moves a weight. `g` is the gradient, shortened by clipping, plus decay * w.
 *
 *   sgd       v = momentum * v + g                              w = w - rate * (g + momentum * v)               Nesterov, as PyTorch's, by which ProxylessNAS was trained
 *   rmsprop   s = d * s + (1 - d) * g^2                         as TensorFlow's, by which AmoebaNet was trained: s begins at 1, epsilon is below the root,
 *             v = momentum * v + rate * g / sqrt(s + epsilon)   w = w - v                                       the learning rate is in the momentum
 *   adam      v = momentum * v + (1 - momentum) * g             w = w - rate * v' / (sqrt(s') + epsilon)        v' and s' without the bias of their beginning at 0
 *             s = d * s + (1 - d) * g^2                         (Kingma and Ba 2015, algorithm 1)
 *
 * A weight that is not named does not move: neither momentum nor decay touches candidates that are off the path
 * (ProxylessNAS §1.6, skip rule). Weights are joined end to end for the arithmetic, so a step costs about ten native calls, however many they are. Sums, products, quotients
 * and square roots are rounded one by one, so no bit depends on what is joined with what.
 */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { Optimizer, OptimizerKind } from '../recipe.js';
import type { Slot, Variables } from './variables.js';

export interface OptimizerStep {
  /** SGD where absent. */
  readonly optimizer?: Optimizer;
  /** How many steps the weights have made before. */
  readonly stepsDone: number;
  readonly learningRate: number;
  readonly momentum: number;
  /** On weights called `filter` only. */
  readonly weightDecay: number;
  /** What gradients are multiplied by; 1 where absent. */
  readonly gradientScale?: number;
  /** Of the running means of weights; none are kept where absent. */
  readonly averageDecay?: number;
}

type Slots = { readonly [S in Slot]?: Tensor };
type Initial = (tf: Tf, value: Tensor) => Tensor;
const zeros: Initial = (tf, { size }) => tf.zeros([size]);
const ones: Initial = (tf, { size }) => tf.ones([size]);

interface Rule<O extends Optimizer> {
  /** What it remembers of a weight from step to step, and what that begins as: flat [n], like all that `move` gets and gives. */
  readonly slots: { readonly [S in Slot]?: Initial };
  move(tf: Tf, w: Tensor, g: Tensor, slots: Slots, step: OptimizerStep & { readonly optimizer: O }): Moved;
}

interface Moved {
  readonly value: Tensor;
  readonly slots: Slots;
}

const rules: { readonly [K in OptimizerKind]: Rule<Extract<Optimizer, { kind: K }>> } = {
  sgd: {
    slots: { velocity: zeros },
    move(tf, w, g, slots, { learningRate, momentum }) {
      const velocity = tf.add(tf.mul(slots.velocity!, momentum), g);
      const value = tf.sub(w, tf.mul(tf.add(g, tf.mul(velocity, momentum)), learningRate));
      return { value, slots: { velocity } };
    },
  },
  rmsprop: {
    slots: { velocity: zeros, square: ones },
    move(tf, w, g, slots, { learningRate, momentum, optimizer: { squareDecay, epsilon } }) {
      const square = follow(tf, slots.square!, tf.square(g), squareDecay);
      const scaled = tf.div(tf.mul(g, learningRate), tf.sqrt(tf.add(square, epsilon)));
      const velocity = tf.add(tf.mul(slots.velocity!, momentum), scaled);
      return { value: tf.sub(w, velocity), slots: { velocity, square } };
    },
  },
  adam: {
    slots: { velocity: zeros, square: zeros },
    move(tf, w, g, slots, { stepsDone, learningRate, momentum, optimizer: { squareDecay, epsilon } }) {
      const velocity = follow(tf, slots.velocity!, g, momentum);
      const square = follow(tf, slots.square!, tf.square(g), squareDecay);
      const rate = learningRate / (1 - momentum ** (stepsDone + 1));
      const root = tf.sqrt(tf.mul(square, 1 / (1 - squareDecay ** (stepsDone + 1))));
      const value = tf.sub(w, tf.div(tf.mul(velocity, rate), tf.add(root, epsilon)));
      return { value, slots: { velocity, square } };
    },
  },
};

/** Moves the named weights; `gradients[i]` belongs to `names[i]` and is disposed of. */
export function applyGradients(
  tf: Tf,
  variables: Variables,
  names: readonly string[],
  gradients: readonly Tensor[],
  step: OptimizerStep,
): void {
  const weights = names.map((name, index) => ({ name, gradient: gradients[index]! }));
  for (const decays of [true, false]) {
    const group = weights.filter(({ name }) => name.endsWith('/filter') === decays);
    if (group.length > 0) moveTogether(tf, variables, group, decays ? step : { ...step, weightDecay: 0 });
  }
  for (const gradient of gradients) gradient.dispose();
}

function moveTogether(
  tf: Tf,
  variables: Variables,
  weights: readonly { readonly name: string; readonly gradient: Tensor }[],
  step: OptimizerStep,
): void {
  const names = weights.map(({ name }) => name);
  const gradients = weights.map(({ gradient }) => gradient);
  const olds = names.map((name) => variables.values.get(name)!);
  const moved = tf.tidy(() => {
    const slots = mapSlots(slotsOf(step), (initial, slot) =>
      joinFlat(
        tf,
        names.map((name) => variables.slot(slot, name, (value) => initial(tf, value))),
      ),
    );
    const next = moveFlat(tf, joinFlat(tf, olds), joinFlat(tf, gradients), slots, step);
    const sizes = olds.map(({ size }) => size);
    const parts = tf.split(next.value, sizes);
    return {
      values: olds.map(({ rank, shape }, at) => (rank === 1 ? parts[at]! : tf.reshape(parts[at]!, shape))),
      slots: mapSlots(next.slots, (joined) => tf.split(joined, sizes)) as { [S in Slot]?: Tensor[] },
    };
  });
  for (const [at, name] of names.entries())
    variables.replace(
      name,
      moved.values[at]!,
      mapSlots(moved.slots, (parts) => parts[at]!),
    );
}

/** The share of the old in the running means of weights after so many steps: less in the first ones, which are far from where the weights will be. */
export function averageDecayAt(averageDecay: number, stepsDone: number): number {
  return Math.min(averageDecay, (1 + stepsDone) / (10 + stepsDone));
}

/** What the steps of a recipe remember, for each parameter. */
export function optimizerBytesPerParameter(recipe: Pick<OptimizerStep, 'optimizer' | 'averageDecay'>): number {
  return Float32Array.BYTES_PER_ELEMENT * Object.keys(slotsOf(recipe)).length;
}

/** All that a step remembers of a weight, and what that begins as. */
function slotsOf({ optimizer, averageDecay }: Pick<OptimizerStep, 'optimizer' | 'averageDecay'>): {
  readonly [S in Slot]?: Initial;
} {
  const { slots } = rules[optimizer?.kind ?? 'sgd'];
  return averageDecay === undefined ? slots : { ...slots, average: (tf, value) => tf.reshape(value, [-1]).clone() };
}

function moveFlat(tf: Tf, w: Tensor, gradient: Tensor, slots: Slots, step: OptimizerStep): Moved {
  const { optimizer = { kind: 'sgd' }, gradientScale = 1, weightDecay, averageDecay, stepsDone } = step;
  const clipped = gradientScale === 1 ? gradient : tf.mul(gradient, gradientScale);
  const g = weightDecay > 0 ? tf.add(clipped, tf.mul(w, weightDecay)) : clipped;
  const moved = (rules[optimizer.kind] as Rule<Optimizer>).move(tf, w, g, slots, { ...step, optimizer });
  if (averageDecay === undefined) return moved;
  const average = follow(tf, slots.average!, moved.value, averageDecayAt(averageDecay, stepsDone));
  return { value: moved.value, slots: { ...moved.slots, average } };
}

/** A running mean of this share of the old. */
function follow(tf: Tf, old: Tensor, value: Tensor, decay: number): Tensor {
  return tf.add(tf.mul(old, decay), tf.mul(value, 1 - decay));
}

function joinFlat(tf: Tf, tensors: readonly Tensor[]): Tensor {
  return tf.concat(tensors.map((tensor) => (tensor.rank === 1 ? tensor : tf.reshape(tensor, [-1]))));
}

function mapSlots<A, B>(slots: { readonly [S in Slot]?: A }, map: (value: A, slot: Slot) => B): { [S in Slot]?: B } {
  return Object.fromEntries(Object.entries(slots).map(([slot, value]) => [slot, map(value, slot as Slot)]));
}
