/** Migration 9: which sentinel a block was measured between, for what it takes is compared; null is the one of versions before. */
export const sentinels = `
ALTER TABLE blocks ADD COLUMN sentinel TEXT;               -- workload key
UPDATE blocks SET opening_ms = NULL WHERE state IN ('opening', 'open', 'closing'); -- they will be closed by another
`;
