/**
 * The gradients of a step, summed micro-batch after micro-batch in the order in which they come. Most are short vectors, of batch norms and biases: these are joined end to
 * end, so that they take two native calls a micro-batch, however many they are.
 */
import type { Tensor, Tensor1D, Tf } from '@bespoke/shared/tfjs/tf.js';

export class GradientSum {
  /** The joined vectors, then the others; empty before the first micro-batch. */
  private sums: readonly Tensor[] = [];
  /** By weight: its size where it is a vector, else null; empty once the sums are one per weight. */
  private vectorSizes: readonly (number | null)[] = [];
  constructor(private readonly tf: Tf) {}

  /** Adds one gradient per weight, always of the same weights; disposes of them. */
  add(gradients: readonly Tensor[]): void {
    this.vectorSizes = gradients.map(({ rank, size }) => (rank === 1 ? size : null));
    const joined = this.#join(gradients);
    const before = this.sums;
    if (before.length === 0) {
      this.sums = joined;
      return;
    }
    this.sums = before.map((sum, index) => this.tf.add(sum, joined[index]!));
    this.tf.dispose([...before, ...joined]);
  }

  /** The sums, one per weight; they stay this object's. Nothing is added between this and `take`. */
  get total(): readonly Tensor[] {
    const sizes = this.vectorSizes.filter((size) => size !== null);
    if (this.sums.length > 0 && sizes.length > 0) {
      const [joined, ...rest] = this.sums;
      const vectors = this.tf.split(joined!, sizes);
      joined!.dispose();
      this.sums = this.vectorSizes.map((size) => (size === null ? rest : vectors).shift()!);
      this.vectorSizes = [];
    }
    return this.sums;
  }

  /** Hands the sums over, one per weight, and starts anew. */
  take(): readonly Tensor[] {
    const sums = this.total;
    this.sums = [];
    return sums;
  }

  dispose(): void {
    this.tf.dispose([...this.sums]);
    this.sums = [];
  }

  #join(gradients: readonly Tensor[]): readonly Tensor[] {
    const vectors = gradients.filter(({ rank }) => rank === 1);
    if (vectors.length === 0) return gradients;
    const joined = this.tf.concat(vectors as Tensor1D[]);
    this.tf.dispose(vectors);
    return [joined, ...gradients.filter(({ rank }) => rank !== 1)];
  }
}
