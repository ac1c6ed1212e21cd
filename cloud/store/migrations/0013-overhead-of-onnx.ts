/**
 * Migration 13: blocks under ONNX Runtime were told up to a third too short where the model of no operators was disturbed (agent/passes.ts), and the shortest counts: what was measured by that runtime
 * is void, and measured again where it is asked for. So was the sentinel: what it took is no longer compared.
 */
export const overheadOfOnnx = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when a disturbed overhead was taken out of it'
  WHERE verdict IN ('provisional', 'good', 'doubtful') AND runtime ->> 'runtime' = 'onnx';
UPDATE blocks SET sentinel = NULL WHERE runtime ->> 'runtime' = 'onnx';
UPDATE blocks SET opening_ms = NULL WHERE runtime ->> 'runtime' = 'onnx' AND state IN ('opening', 'open', 'closing');
`;
