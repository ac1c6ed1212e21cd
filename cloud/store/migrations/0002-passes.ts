/** Migration 2: all passes of a measurement, those that do not count as well. What was stored before was one list of samples: one pass. */
export const passes = `
ALTER TABLE measurements ADD COLUMN passes TEXT NOT NULL DEFAULT '[]';      -- JSON: PassRecord[]
ALTER TABLE measurements ADD COLUMN uncounted_ms BLOB NOT NULL DEFAULT x''; -- float64, little-endian
UPDATE measurements SET passes = json_array(json_object('counted', json('true'), 'sampleCount', count));
`;
