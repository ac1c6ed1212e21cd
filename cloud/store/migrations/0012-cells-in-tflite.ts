/**
 * Migration 12: .tflite files of cells are written otherwise (shared/format/picks.ts, delegate-order.ts) and take less time: what was measured of them by that runtime is void, and measured again
 * where it is asked for. Files that were exported keep what they took.
 */
export const cellsInTflite = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when files of cells were written otherwise, and slower'
  WHERE verdict IN ('provisional', 'good', 'doubtful') AND runtime ->> 'runtime' = 'tflite'
    AND workload_key IN (SELECT key FROM workloads WHERE workload LIKE '%"kind":"cell%');
`;
