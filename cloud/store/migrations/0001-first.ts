/** Migration 1: devices, workloads, jobs, measurements, studies, artifacts, sessions. Times are ISO 8601 in UTC unless their name says ms. */
export const first = `
CREATE TABLE devices (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  info         TEXT NOT NULL,              -- JSON: DeviceInfo
  runtimes     TEXT NOT NULL,              -- JSON: RuntimeKey[]
  first_seen   TEXT NOT NULL,
  last_seen    TEXT NOT NULL
) STRICT;

CREATE TABLE workloads (
  key          TEXT PRIMARY KEY,           -- workloadKey
  workload     TEXT NOT NULL               -- JSON: Workload
) STRICT;

CREATE TABLE jobs (
  id           TEXT PRIMARY KEY,
  device_id    TEXT NOT NULL REFERENCES devices (id),
  runtime      TEXT NOT NULL,              -- canonical JSON: RuntimeKey
  workload_key TEXT NOT NULL REFERENCES workloads (key),
  state        TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'measured', 'failed', 'withdrawn')),
  attempts     INTEGER NOT NULL DEFAULT 0, -- leases granted
  lease_id     TEXT,
  reason       TEXT,                       -- of the last failed attempt
  log          TEXT,
  created      TEXT NOT NULL,
  ended        TEXT,
  CHECK ((state = 'leased') = (lease_id IS NOT NULL))
) STRICT;
-- One open job per thing to measure, however many studies wait for it.
CREATE UNIQUE INDEX jobs_open ON jobs (device_id, runtime, workload_key) WHERE state IN ('queued', 'leased');
CREATE INDEX jobs_by_state ON jobs (device_id, state, attempts);

-- Every measurement is a row and stays; the quietest of a workload is the one in the table of latencies.
CREATE TABLE measurements (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id       TEXT NOT NULL UNIQUE REFERENCES jobs (id), -- a job is counted once
  device_id    TEXT NOT NULL REFERENCES devices (id),
  runtime      TEXT NOT NULL,
  workload_key TEXT NOT NULL REFERENCES workloads (key),
  median_ms    REAL NOT NULL,
  low_ms       REAL NOT NULL,
  high_ms      REAL NOT NULL,
  count        INTEGER NOT NULL,
  samples_ms   BLOB NOT NULL,              -- float64, little-endian
  overhead_ms  REAL NOT NULL,
  batch_size   INTEGER NOT NULL,
  host         TEXT NOT NULL,              -- JSON: HostState
  measured     TEXT NOT NULL
) STRICT;
CREATE INDEX measurements_by_workload ON measurements (device_id, runtime, workload_key, id);

CREATE TABLE artifacts (
  sha256       TEXT PRIMARY KEY,
  byte_count   INTEGER NOT NULL,
  created      TEXT NOT NULL
) STRICT;

CREATE TABLE studies (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  device_id     TEXT NOT NULL,
  spec_yaml     TEXT NOT NULL,
  created       TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'cancelled')),
  phase         TEXT NOT NULL CHECK (phase IN ('measure', 'search', 'train', 'export', 'verify')),
  progress      REAL NOT NULL,
  remaining_ms  REAL,
  engine        TEXT,
  budget_ms     REAL,
  error         TEXT,
  result        TEXT,                      -- JSON: StudyResult
  slots         TEXT NOT NULL DEFAULT '[]', -- JSON: SlotView[]
  probabilities TEXT NOT NULL DEFAULT '[]', -- JSON: number[slot][candidate]
  network       TEXT,                      -- JSON: Network
  model_sha256  TEXT REFERENCES artifacts (sha256)
) STRICT;

-- A study that resumes from a checkpoint takes some steps again; the later point stands.
CREATE TABLE study_points (
  study_id     TEXT NOT NULL REFERENCES studies (id),
  kind         TEXT NOT NULL CHECK (kind IN ('search', 'train')),
  step         INTEGER NOT NULL,
  point        TEXT NOT NULL,              -- JSON: SearchPoint or TrainPoint
  PRIMARY KEY (study_id, kind, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE study_lines (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  study_id     TEXT NOT NULL REFERENCES studies (id),
  line         TEXT NOT NULL
) STRICT;
CREATE INDEX study_lines_by_study ON study_lines (study_id, id);

-- Secrets that were given out, as SHA-256: browsers' sessions and agents' tokens.
CREATE TABLE secrets (
  hash         TEXT PRIMARY KEY,
  kind         TEXT NOT NULL CHECK (kind IN ('session', 'agent')),
  created      TEXT NOT NULL,
  expires_ms   INTEGER                     -- Unix time; NULL: never
) STRICT;
`;
