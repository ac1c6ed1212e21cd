/** Peak memory of a partition, by the formula of GPipe 2.3: boundaries of all micro-batches under way, everything else of as few as the re-materialisation allows. */
import { liveCount, type PipelineLayout, type Remat } from './schedule.js';

/** Sizes of a run of blocks; activations are those of one micro-batch. */
export interface PartitionSizes {
  /** Of its weights, float32. */
  readonly parameterBytes: number;
  /** Kept from forward for backward, the input not counted. */
  readonly savedBytes: number;
  /** Of its input. */
  readonly inputBytes: number;
}

/**
 * Micro-batches whose saved activations lie in memory at once. With recomputation it is the one at work; where the last is not recomputed, that one as well, because
 * backwards run first to last.
 */
const savedCounts: { readonly [R in Remat]: (liveCount: number) => number } = {
  none: (live) => live,
  'except-last': (live) => Math.min(live, 2),
  always: () => 1,
};

/**
 * Peak bytes of a partition as stage `stage`: weights and gradients, `optimizerBytesPerParameter` of optimizer state (4 for momentum, 8 for Adam), the inputs of the live
 * micro-batches, and what is saved. Not in it: buffers of messages, scratch of single ops, the program itself.
 */
export function partitionBytes(
  sizes: PartitionSizes,
  layout: PipelineLayout,
  stage: number,
  optimizerBytesPerParameter: number,
): number {
  const live = liveCount(layout, stage);
  return (
    sizes.parameterBytes * (2 + optimizerBytesPerParameter / Float32Array.BYTES_PER_ELEMENT) +
    live * sizes.inputBytes +
    savedCounts[layout.remat](live) * sizes.savedBytes
  );
}
