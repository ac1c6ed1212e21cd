/** Peak memory of a partition, by the formula of GPipe 2.3: boundaries of all micro-batches under way, everything else of as few as the re-materialisation allows. */
import { liveCount, type PipelineLayout, type Remat, weightDelay } from './schedule.js';

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
 * Micro-batches whose saved activations lie in memory at once, of `live`, `delayed` of which wait for the gradients of the weights alone (they keep about as much: the gradients that
 * they need take the place of what norms had saved). With recomputation it is those and the one at work; where the last is not recomputed, that one as well, because
 * backwards run first to last.
 */
const savedCounts: { readonly [R in Remat]: (live: number, delayed: number) => number } = {
  none: (live) => live,
  'except-last': (live, delayed) => Math.min(live, 2 + delayed),
  always: (live, delayed) => Math.min(live, 1 + delayed),
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
    savedCounts[layout.remat](live, weightDelay(layout, stage) ?? 0) * sizes.savedBytes
  );
}
