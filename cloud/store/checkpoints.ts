/**
 * Checkpoints on a thread of their own. SQLite brings its log into the database at the end of a commit, and waits for the disk; a cloud
 * that commits for thousands of agents would be late for all of them, several times a second.
 *
 *   commits ─▶ log ─thread─▶ database        the log is long ─▶ the thread brings it in, the writer what came meanwhile; then
 *                                            the next commit begins the log anew, which it can only where all of it is in
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Database } from './database.js';

export interface CheckpointSettings {
  readonly everyMs: number;
  /** Pages of the log, 4 KiB each, at which it is to begin anew. */
  readonly longPages: number;
}

const usual: CheckpointSettings = { everyMs: 100, longPages: 4000 };
/** Should the thread not keep up, a commit does it after so many times the length. */
const patience = 8;

/** From now on; the function it returns ends it. */
export function startCheckpoints(database: Database, settings = usual): () => Promise<void> {
  database.pragma(`wal_autocheckpoint = ${patience * settings.longPages}`);
  const thread = new Worker(new URL('./checkpoint-thread.js', import.meta.url), {
    workerData: { path: database.name, ...settings },
  });
  thread.on('message', () => {
    if (database.open) database.pragma('wal_checkpoint(PASSIVE)');
  });
  const ended = once(thread, 'exit');
  return async () => {
    thread.postMessage('end');
    await ended;
  };
}
