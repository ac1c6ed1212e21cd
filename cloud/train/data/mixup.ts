/**
 * Mixup (Zhang et al. 2018): every sample of a batch is mixed with another one of it, and so are their targets: share * own + (1 - share) * partner.
 *
 * The share is drawn once a batch from Beta(alpha, alpha), partners by one permutation. The share is the larger one of the two: the other order of a pair gives the other half,
 * so nothing is lost, and the label of a sample stays the one that weighs more.
 */
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';

export interface Mixing {
  /** 0.5..1 */
  readonly share: number;
  /** The place in the batch of each sample's partner. */
  readonly partners: Uint32Array;
}

/** What batch `step` is mixed by: a function of its key alone. */
export function drawMixing(alpha: number, batchSize: number, seed: number, split: string, step: number): Mixing {
  const stream = randomStream(seed, 'mixup', split, step);
  const share = drawBeta(stream, alpha);
  return { share: Math.max(share, 1 - share), partners: stream.permutation(batchSize) };
}

/** The mixtures of a loader's batches; its buffer is allocated here, once. */
export class Mixup {
  private readonly copy: Float32Array;

  /** Images are of `size` values. */
  constructor(
    private readonly drawAt: (step: number) => Mixing,
    batchSize: number,
    private readonly size: number,
  ) {
    this.copy = new Float32Array(batchSize * size);
  }

  mix(images: Float32Array, step: number): void {
    mixImages(images, this.copy, this.size, this.drawAt(step));
  }

  /** The labels of the partners, and the share of a sample's own. */
  partnersOf(labels: Int32Array, step: number): { readonly labels: Int32Array; readonly share: number } {
    const { share, partners } = this.drawAt(step);
    return { labels: Int32Array.from(partners, (slot) => labels[slot]!), share };
  }
}

/** Mixes images of `size` values, in place; `copy` is room for as many values as there are. */
export function mixImages(images: Float32Array, copy: Float32Array, size: number, { share, partners }: Mixing): void {
  copy.set(images);
  for (const [slot, partner] of partners.entries()) {
    const [start, from] = [slot * size, partner * size];
    for (let at = 0; at < size; at++) images[start + at] = share * copy[start + at]! + (1 - share) * copy[from + at]!;
  }
}

/** A number from Beta(alpha, alpha), alpha > 0: x / (x + y) of two from Gamma(alpha), by their logarithms, which do not vanish for a small alpha. */
export function drawBeta(stream: RandomStream, alpha: number): number {
  const [x, y] = [drawLogGamma(stream, alpha), drawLogGamma(stream, alpha)];
  return 1 / (1 + Math.exp(y - x));
}

/** The logarithm of a number from Gamma(shape): one from Gamma(shape + 1) (Marsaglia and Tsang 2000), times u^(1 / shape). */
function drawLogGamma(stream: RandomStream, shape: number): number {
  const d = shape + 2 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal();
    const v = (1 + c * x) ** 3;
    const u = 1 - stream.uniform();
    if (v > 0 && Math.log(u) < x ** 2 / 2 + d - d * v + d * Math.log(v))
      return Math.log(d * v) + Math.log(1 - stream.uniform()) / shape;
  }
}
