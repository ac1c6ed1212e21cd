/** Micro-batches: the parts of a mini-batch that follow each other through the pipeline (GPipe 2.2). */
import { AppError } from '@bespoke/shared/base/errors.js';

/** Samples `first` to `first + sampleCount - 1` of the mini-batch. */
export interface MicroBatch {
  readonly first: number;
  readonly sampleCount: number;
  /** Its share of the mini-batch, n_i / N: the weight of its mean loss, so that the gradients add up to those of the mini-batch's mean loss. */
  readonly weight: number;
}

/**
 * Cuts a mini-batch of `sampleCount` samples (N) into `microBatchCount` (M) parts, none empty, the sizes ceil(N/M) first, then floor(N/M).
 * Throws `PIPELINE_COUNT_INVALID` unless M is a whole number from 1 to N.
 */
export function splitMicroBatches(sampleCount: number, microBatchCount: number): readonly MicroBatch[] {
  checkCount('micro-batches', microBatchCount, sampleCount, 'samples in a mini-batch');
  const small = Math.floor(sampleCount / microBatchCount);
  const largeCount = sampleCount % microBatchCount;
  return Array.from({ length: microBatchCount }, (_, index) => {
    const size = index < largeCount ? small + 1 : small;
    return { first: index * small + Math.min(index, largeCount), sampleCount: size, weight: size / sampleCount };
  });
}

/** Throws `PIPELINE_COUNT_INVALID` unless `count` is a whole number from 1 to `most`, the number of `ofWhat`. */
export function checkCount(what: string, count: number, most: number, ofWhat: string): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new AppError('PIPELINE_COUNT_INVALID', { what, got: count, most, ofWhat });
}
