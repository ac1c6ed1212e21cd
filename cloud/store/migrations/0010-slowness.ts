/** Migration 10: how many times slower than at its quietest the device was is asked for in tables; the state of the host has it. */
export const slowness = `
ALTER TABLE measurements ADD COLUMN slowness REAL NOT NULL AS (COALESCE(host ->> 'slowness', 1)) VIRTUAL;
`;
