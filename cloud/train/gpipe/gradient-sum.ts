/** The gradients of a step, summed micro-batch after micro-batch in the order in which they come. */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

export class GradientSum {
  private sums: readonly Tensor[] = [];
  constructor(private readonly tf: Tf) {}

  /** Adds one gradient per weight, always of the same weights; disposes of them. */
  add(gradients: readonly Tensor[]): void {
    if (this.sums.length === 0) {
      this.sums = gradients;
      return;
    }
    const before = this.sums;
    this.sums = before.map((sum, index) => this.tf.add(sum, gradients[index]!));
    this.tf.dispose([...before, ...gradients]);
  }

  /** The sums so far, one per weight. */
  get current(): readonly Tensor[] {
    return this.sums;
  }

  /** Hands the sums over and starts anew. */
  take(): readonly Tensor[] {
    const { sums } = this;
    this.sums = [];
    return sums;
  }

  dispose(): void {
    this.tf.dispose([...this.take()]);
  }
}
