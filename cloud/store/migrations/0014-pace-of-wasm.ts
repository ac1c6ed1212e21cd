/**
 * Migration 14: TensorFlow Lite's block tells the pace of WebAssembly now, in a fifth of the time that its own takes, which told it before (agent/runtime/runtimes.ts). What its own told to be slowed by more
 * than a tenth may be a third too short, and is void. By which quietest of its own the rest went says nothing beside the other: it is not to be told again by that, and sentinels are not compared.
 */
export const paceOfWasm = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when the block that told the pace ran on WebAssembly, too'
  WHERE verdict IN ('provisional', 'good', 'doubtful') AND runtime ->> 'runtime' = 'tfjs-wasm' AND slowness > 1.1;
UPDATE measurements SET host = json_remove(host, '$.quietestMs') WHERE runtime ->> 'runtime' = 'tfjs-wasm';
UPDATE blocks SET sentinel = NULL WHERE runtime ->> 'runtime' = 'tfjs-wasm';
UPDATE blocks SET opening_ms = NULL WHERE runtime ->> 'runtime' = 'tfjs-wasm' AND state IN ('opening', 'open', 'closing');
`;
