/** Migration 9: which sentinel a block was measured between, for what it takes is compared; null is the one of versions before. */
export const sentinels = `
ALTER TABLE blocks ADD COLUMN sentinel TEXT;               -- workload key
`;
