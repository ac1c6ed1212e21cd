/**
 * Migration 15: TensorFlow Lite, on Linux, and tfjs copied inputs in and outputs out with every run. The time of that is taken out of what was measured, but not what it does to the caches (docs/adr/0006): where call
 * and copies took more than a tenth of it, and of pieces on several threads, where outputs of all copies side by side were copied, what was measured is void, and measured again where it is asked for.
 * The block in TensorFlow Lite that tells the pace, for other runtimes too, takes less without its copies, and so does tfjs's own: by which quietest what was measured went says nothing beside
 * those that come, and sentinels are no longer compared.
 */
export const copies = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when inputs and outputs were copied with every run'
  WHERE verdict IN ('provisional', 'good', 'doubtful')
    AND (runtime ->> 'runtime' IN ('tfjs-wasm', 'tfjs-tensorflow')
      OR runtime ->> 'runtime' = 'tflite' AND device_id IN (SELECT id FROM devices WHERE info ->> 'platform' = 'linux'))
    AND (overhead_ms > median_ms / 10
      OR runtime ->> 'threads' > 1 AND workload_key IN (SELECT key FROM workloads WHERE workload ->> 'kind' IN ('block', 'chain')));
UPDATE measurements SET host = json_remove(host, '$.quietestMs') WHERE runtime ->> 'runtime' <> 'tfjs-webgpu';
UPDATE blocks SET sentinel = NULL WHERE runtime ->> 'runtime' IN ('tflite', 'tfjs-wasm', 'tfjs-tensorflow');
UPDATE blocks SET opening_ms = NULL WHERE runtime ->> 'runtime' IN ('tflite', 'tfjs-wasm', 'tfjs-tensorflow') AND state IN ('opening', 'open', 'closing');
`;
