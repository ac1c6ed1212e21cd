/** The thread of `startCheckpoints`: a connection of its own, that does nothing but bring pages of the log into the database. */
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { CheckpointSettings } from './checkpoints.js';

const { path, everyMs, longPages } = workerData as CheckpointSettings & { readonly path: string };
const database = new Sqlite(path, { fileMustExist: true });

/** Brings in what the log holds by now; gives the pages of the log, those that came meanwhile among them. */
function checkpoint(): number {
  const [{ log }] = database.pragma('wal_checkpoint(PASSIVE)') as [{ log: number }];
  return log;
}

const timer = setInterval(() => {
  // The second time there is little to do, so that little is left for whoever writes.
  if (checkpoint() > longPages && checkpoint() > longPages) parentPort!.postMessage('long');
}, everyMs);

parentPort!.once('message', () => {
  clearInterval(timer);
  database.close();
});
