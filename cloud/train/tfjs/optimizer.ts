/**
 * SGD with Nesterov momentum (as PyTorch's, by which ProxylessNAS was trained):
 *
 *   g = gradient + decay * w        v = momentum * v + g        w = w - rate * (g + momentum * v)
 *
 * A weight that is not named does not move: neither momentum nor decay touches candidates that are off the path
 * (ProxylessNAS §1.6, skip rule). Weights are joined end to end for the arithmetic, so a step costs about ten native calls, however many they are.
 */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { Variables } from './variables.js';

export interface SgdStep {
  readonly learningRate: number;
  readonly momentum: number;
  /** On weights called `filter` only. */
  readonly weightDecay: number;
}

/** Moves the named weights; `gradients[i]` belongs to `names[i]` and is disposed of. */
export function applySgd(
  tf: Tf,
  variables: Variables,
  names: readonly string[],
  gradients: readonly Tensor[],
  step: SgdStep,
): void {
  const decays = (index: number) => names[index]!.endsWith('/filter');
  const indices = names.map((_, index) => index);
  applyTo(indices.filter(decays), step);
  applyTo(
    indices.filter((index) => !decays(index)),
    { ...step, weightDecay: 0 },
  );
  for (const gradient of gradients) gradient.dispose();

  function applyTo(members: readonly number[], settings: SgdStep): void {
    if (members.length === 0) return;
    const olds = members.map((index) => variables.values.get(names[index]!)!);
    const velocities = members.map((index) => variables.velocity(names[index]!));
    const moved = tf.tidy(() => {
      const next = moveFlat(
        tf,
        joinFlat(tf, olds),
        joinFlat(tf, velocities),
        joinFlat(
          tf,
          members.map((index) => gradients[index]!),
        ),
        settings,
      );
      const sizes = olds.map(({ size }) => size);
      return {
        values: tf
          .split(next.value, sizes)
          .map((part, at) => (olds[at]!.rank === 1 ? part : tf.reshape(part, olds[at]!.shape))),
        velocities: tf.split(next.velocity, sizes),
      };
    });
    for (const [at, index] of members.entries())
      variables.replace(names[index]!, moved.values[at]!, moved.velocities[at]!);
  }
}

function joinFlat(tf: Tf, tensors: readonly Tensor[]): Tensor {
  return tf.concat(tensors.map((tensor) => (tensor.rank === 1 ? tensor : tf.reshape(tensor, [-1]))));
}

function moveFlat(tf: Tf, w: Tensor, v: Tensor, gradient: Tensor, { learningRate, momentum, weightDecay }: SgdStep) {
  const g = weightDecay > 0 ? tf.add(gradient, tf.mul(w, weightDecay)) : gradient;
  const velocity = tf.add(tf.mul(v, momentum), g);
  const value = tf.sub(w, tf.mul(tf.add(g, tf.mul(velocity, momentum)), learningRate));
  return { value, velocity };
}
