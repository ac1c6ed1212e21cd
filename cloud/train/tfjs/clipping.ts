/**
 * Clipping by the global norm (Pascanu, Mikolov and Bengio 2013): where the gradient of all weights together is longer than allowed, it is shortened to that.
 *
 * The squares are summed weight by weight, in float64 and the order of memory, and these sums in the order of the weights' names. So the norm is the same, bit for bit, wherever the
 * network is cut: a stage of a pipeline tells the figure of each of its weights, and all know them all before they commit.
 */
import type { Tensor } from '@bespoke/shared/tfjs/tf.js';

/** The squared norm of a weight's gradient, by the weight's name with a prefix of its own. */
export type SquaredNorms = Readonly<Record<string, number>>;

const prefix = 'squaredNorm:';

/** `gradients[i]` belongs to `names[i]`. */
export async function squaredNorms(names: readonly string[], gradients: readonly Tensor[]): Promise<SquaredNorms> {
  const norms: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    let sum = 0;
    for (const value of await gradients[index]!.data()) sum += value * value;
    norms[`${prefix}${name}`] = sum;
  }
  return norms;
}

/** What all gradients are multiplied by, at most 1; `figures` may hold other figures, too. */
export function clipScale(clipNorm: number, figures: SquaredNorms): number {
  const names = Object.keys(figures).filter((name) => name.startsWith(prefix));
  const norm = Math.sqrt(names.sort().reduce((sum, name) => sum + figures[name]!, 0));
  return clipNorm / Math.max(norm, clipNorm);
}
