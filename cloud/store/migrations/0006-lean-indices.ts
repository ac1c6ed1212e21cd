/**
 * Migration 6: indices that a job's way through its states leaves alone. Each page that a change touches is written twice, to the log and
 * to the database; of a thousand jobs every one lies on a page of its own.
 */
export const leanIndices = `
-- A job is open as long as it has not ended. By its state, the entry would be written anew at every change of state.
UPDATE jobs SET ended = CASE WHEN state IN ('queued', 'leased', 'provisional') THEN NULL ELSE created END
  WHERE (ended IS NULL) <> (state IN ('queued', 'leased', 'provisional'));
DROP INDEX jobs_open;
CREATE UNIQUE INDEX jobs_open ON jobs (device_id, runtime, workload_key) WHERE ended IS NULL;

-- Of a job's attempts only those are looked for that took down who measured.
DROP INDEX leases_by_job;
CREATE INDEX leases_deaths ON leases (job_id) WHERE reason = 'crashed';
`;
