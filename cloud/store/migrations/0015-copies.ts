/**
 * Migration 15: TensorFlow Lite, on Linux, and tfjs copied inputs in and outputs out with every run. The time of that is taken out of what was measured, but not what it does to the caches (docs/adr/0006): where call
 * and copies took more than a tenth of it, and of pieces on several threads, where outputs of all copies side by side were copied, what was measured is void, and measured again where it is asked for.
 * The block that tells their pace takes less without its copies, where it is a block of their own: by which quietest what was measured went says nothing beside those that come, and sentinels are no longer compared.
 *
 * Jobs whose measurement waited for the end of its block when it became void, by this migration or by 12 to 14, wait for nothing any more: they are queued again.
 */
const onLinux = "device_id IN (SELECT id FROM devices WHERE info ->> 'platform' = 'linux')";
const wasCopied = `(runtime ->> 'runtime' IN ('tfjs-wasm', 'tfjs-tensorflow') OR runtime ->> 'runtime' = 'tflite' AND ${onLinux})`;

export const copies = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when inputs and outputs were copied with every run'
  WHERE verdict IN ('provisional', 'good', 'doubtful') AND ${wasCopied}
    AND (overhead_ms > median_ms / 10
      OR runtime ->> 'threads' > 1 AND workload_key IN (SELECT key FROM workloads WHERE workload ->> 'kind' IN ('block', 'chain')));
UPDATE measurements SET host = json_remove(host, '$.quietestMs') WHERE ${wasCopied} AND runtime ->> 'runtime' <> 'tfjs-wasm';
UPDATE blocks SET sentinel = NULL WHERE ${wasCopied};
UPDATE blocks SET opening_ms = NULL WHERE ${wasCopied} AND state IN ('opening', 'open', 'closing');
UPDATE jobs SET state = 'queued' WHERE state = 'provisional'
  AND NOT EXISTS (SELECT 1 FROM measurements WHERE job_id = jobs.id AND verdict = 'provisional');
`;
