/**
 * Migration 11: pieces on several threads were told too short where the threads wake slowly (agent/side-by-side.ts), and the shortest counts: what was measured so is void, and measured
 * again where it is asked for. So was the sentinel: what it took is no longer compared.
 */
export const piecesOfThreads = `
UPDATE measurements SET verdict = 'void', doubt = 'measured when pieces on several threads were told too short'
  WHERE verdict IN ('good', 'doubtful') AND runtime ->> 'threads' > 1
    AND workload_key IN (SELECT key FROM workloads WHERE workload ->> 'kind' IN ('block', 'chain'));
UPDATE blocks SET sentinel = NULL WHERE runtime ->> 'threads' > 1;
UPDATE blocks SET opening_ms = NULL WHERE runtime ->> 'threads' > 1 AND state IN ('opening', 'open', 'closing');
`;
