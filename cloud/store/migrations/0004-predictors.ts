/** Migration 4: predictors, and tables that came from files. */
export const predictors = `
-- A study fits once, and shows the error of what it searched with; the latest of a runtime and space is the device's.
CREATE TABLE predictors (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  device_id    TEXT NOT NULL REFERENCES devices (id),
  study_id     TEXT NOT NULL UNIQUE REFERENCES studies (id),
  runtime      TEXT NOT NULL,              -- canonical JSON: RuntimeKey
  space        TEXT NOT NULL,
  fitted       TEXT NOT NULL,
  hold_out     TEXT NOT NULL,              -- JSON: PredictorView['holdOut']
  points       TEXT NOT NULL               -- JSON: PredictorView['points']
) STRICT;
CREATE INDEX predictors_by_device ON predictors (device_id, runtime, space, id);

-- Rows of imported tables. They have no samples and no job, so they stand beside the measurements, which go before them.
CREATE TABLE imported_latencies (
  device_id    TEXT NOT NULL REFERENCES devices (id),
  runtime      TEXT NOT NULL,              -- canonical JSON: RuntimeKey
  workload_key TEXT NOT NULL REFERENCES workloads (key),
  summary      TEXT NOT NULL,              -- JSON: TableRow without runtime, key and workload
  imported     TEXT NOT NULL,
  PRIMARY KEY (device_id, runtime, workload_key)
) STRICT, WITHOUT ROWID;
`;
