/** Locks of folders: of those who want a folder for themselves, one gets it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

/**
 * Takes a folder for this process, creating it where it is missing; returns what gives it back. The system drops the lock when the process ends, however it ends, which
 * Node's own files cannot do: a database that is locked and stays empty can. Throws what `inUse` makes where another process has it.
 */
export function lockFolder(directory: string, name: string, inUse: (cause: Error) => Error): () => void {
  mkdirSync(directory, { recursive: true });
  const lock = new Sqlite(join(directory, name), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Sqlite.SqliteError && cause.code === 'SQLITE_BUSY')) throw cause;
    throw inUse(cause);
  }
  return () => lock.close();
}
