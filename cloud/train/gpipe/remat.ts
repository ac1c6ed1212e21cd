/** Re-materialisation: which micro-batches keep what backward needs, and which keep their inputs alone and compute the rest again (GPipe 2.3). */
export type Remat = 'none' | 'except-last' | 'always';

const rows: { readonly [R in Remat]: (microBatch: number, microBatchCount: number) => boolean } = {
  none: () => false,
  'except-last': (microBatch, microBatchCount) => microBatch < microBatchCount - 1,
  always: () => true,
};

/** Whether micro-batch `microBatch` of 0..microBatchCount-1 is computed again before its backward. */
export function isRecomputed(remat: Remat, microBatch: number, microBatchCount: number): boolean {
  return rows[remat](microBatch, microBatchCount);
}
