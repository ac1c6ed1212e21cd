/**
 * Migration 3: blocks of jobs between two sentinels, leases as rows, classes of devices, quarantine. Jobs and measurements
 * are built anew, for SQLite changes no CHECK in place.
 */
export const blocks = `
-- Devices with the same hardware measure for each other. Memory in GiB: what a kernel keeps for itself differs from boot to boot.
ALTER TABLE devices ADD COLUMN class TEXT GENERATED ALWAYS AS (
  json_extract(info, '$.platform') || ' ' || json_extract(info, '$.arch') || ', ' || json_extract(info, '$.cpuCount') || ' x ' ||
  json_extract(info, '$.cpuModel') || ', ' || CAST(ROUND(json_extract(info, '$.memoryBytes') / 1073741824.0) AS INTEGER) || ' GiB'
) VIRTUAL;

CREATE TABLE blocks (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  device_id         TEXT NOT NULL REFERENCES devices (id), -- which measures
  runtime           TEXT NOT NULL,
  state             TEXT NOT NULL CHECK (state IN ('opening', 'open', 'closing', 'good', 'void')),
  sentinel_attempts INTEGER NOT NULL DEFAULT 0,            -- at the sentinel that opens or closes it
  opening_ms        REAL,
  closing_ms        REAL,
  doubt             TEXT,                                  -- why it is void
  opened            TEXT NOT NULL,
  ended             TEXT
) STRICT;
-- A device measures one thing at a time.
CREATE UNIQUE INDEX blocks_open ON blocks (device_id) WHERE state IN ('opening', 'open', 'closing');
CREATE INDEX blocks_by_device ON blocks (device_id, runtime, id);

CREATE TABLE new_jobs (
  id           TEXT PRIMARY KEY,
  device_id    TEXT NOT NULL REFERENCES devices (id),      -- whose table it is for
  runtime      TEXT NOT NULL,
  workload_key TEXT NOT NULL REFERENCES workloads (key),
  state        TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'provisional', 'measured', 'failed', 'quarantined', 'withdrawn')),
  attempts     INTEGER NOT NULL DEFAULT 0,                 -- leases granted, less those that say nothing of the job
  repeats      INTEGER NOT NULL DEFAULT 0,                 -- blocks that were void under it
  lease_id     TEXT,
  reason       TEXT,                                       -- of the last failed attempt
  log          TEXT,
  created      TEXT NOT NULL,
  ended        TEXT,
  CHECK ((state = 'leased') = (lease_id IS NOT NULL))
) STRICT;
INSERT INTO new_jobs (id, device_id, runtime, workload_key, state, attempts, lease_id, reason, log, created, ended)
  SELECT id, device_id, runtime, workload_key, state, attempts, lease_id, reason, log, created, ended FROM jobs;

-- Every attempt at a job. One yields one measurement at most.
CREATE TABLE leases (
  id           TEXT PRIMARY KEY,
  job_id       TEXT NOT NULL REFERENCES new_jobs (id),
  device_id    TEXT NOT NULL REFERENCES devices (id),      -- which measures
  block_id     INTEGER NOT NULL REFERENCES blocks (id),
  granted_ms   INTEGER NOT NULL,                           -- Unix time
  ended_ms     INTEGER,
  reason       TEXT,                                       -- of its failure
  log          TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_job ON leases (job_id);

CREATE TABLE new_measurements (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id       TEXT NOT NULL REFERENCES new_jobs (id),
  lease_id     TEXT UNIQUE REFERENCES leases (id),         -- NULL before version 3
  block_id     INTEGER REFERENCES blocks (id),             -- NULL before version 3
  measured_by  TEXT NOT NULL REFERENCES devices (id),
  verdict      TEXT NOT NULL CHECK (verdict IN ('provisional', 'good', 'doubtful', 'void')),
  doubt        TEXT,                                       -- why it is doubtful or void
  device_id    TEXT NOT NULL REFERENCES devices (id),      -- whose table it is in
  runtime      TEXT NOT NULL,
  workload_key TEXT NOT NULL REFERENCES workloads (key),
  median_ms    REAL NOT NULL,
  low_ms       REAL NOT NULL,
  high_ms      REAL NOT NULL,
  count        INTEGER NOT NULL,
  samples_ms   BLOB NOT NULL,                              -- float64, little-endian: of the passes that count
  uncounted_ms BLOB NOT NULL,                              -- of the others
  passes       TEXT NOT NULL,                              -- JSON: PassRecord[]
  overhead_ms  REAL NOT NULL,
  batch_size   INTEGER NOT NULL,
  host         TEXT NOT NULL,                              -- JSON: HostState
  measured     TEXT NOT NULL
) STRICT;
INSERT INTO new_measurements (id, job_id, measured_by, verdict, doubt, device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, uncounted_ms, passes, overhead_ms, batch_size, host, measured)
  SELECT id, job_id, device_id, 'doubtful', 'measured before sentinels watched over the device', device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, uncounted_ms, passes, overhead_ms, batch_size, host, measured
  FROM measurements;

DROP TABLE measurements;
DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;
ALTER TABLE new_measurements RENAME TO measurements;

-- One open job per thing to measure, however many studies wait for it.
CREATE UNIQUE INDEX jobs_open ON jobs (device_id, runtime, workload_key) WHERE state IN ('queued', 'leased', 'provisional');
CREATE INDEX jobs_quarantined ON jobs (workload_key) WHERE state = 'quarantined';
-- A job is counted once.
CREATE UNIQUE INDEX measurements_counted ON measurements (job_id) WHERE verdict <> 'void';
CREATE INDEX measurements_by_workload ON measurements (device_id, runtime, workload_key, id);
CREATE INDEX measurements_by_block ON measurements (block_id);
`;
