/**
 * The database: one SQLite file in the data folder, brought to the newest version when it is opened.
 *
 * WAL with synchronous = FULL: what a transaction returned from is on the disk, whatever is killed or unplugged next.
 * A second file, locked as long as the cloud lives, keeps a second cloud off the folder; readers are welcome.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import Sqlite from 'better-sqlite3';
import { lockFolder } from './lock.js';
import { first } from './migrations/0001-first.js';
import { passes } from './migrations/0002-passes.js';
import { blocks } from './migrations/0003-blocks.js';
import { predictors } from './migrations/0004-predictors.js';
import { pairedAgents } from './migrations/0005-paired-agents.js';
import { leanIndices } from './migrations/0006-lean-indices.js';
import { evolution } from './migrations/0007-evolution.js';
import { pipelines } from './migrations/0008-pipelines.js';
import { sentinels } from './migrations/0009-sentinels.js';
import { slowness } from './migrations/0010-slowness.js';
import { piecesOfThreads } from './migrations/0011-pieces-of-threads.js';
import { cellsInTflite } from './migrations/0012-cells-in-tflite.js';
import { overheadOfOnnx } from './migrations/0013-overhead-of-onnx.js';
import { paceOfWasm } from './migrations/0014-pace-of-wasm.js';
import { copies } from './migrations/0015-copies.js';

export type Database = Sqlite.Database;

/** In order: migration i brings version i to version i + 1. A migration that was released is never edited. */
export const migrations: readonly string[] = [
  first,
  passes,
  blocks,
  predictors,
  pairedAgents,
  leanIndices,
  evolution,
  pipelines,
  sentinels,
  slowness,
  piecesOfThreads,
  cellsInTflite,
  overheadOfOnnx,
  paceOfWasm,
  copies,
];

/** Opens `<directory>/bespoke.sqlite`, creating what is missing. Throws `STORE_TOO_NEW`. */
export function openDatabase(directory: string): Database {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'bespoke.sqlite');
  const database = new Sqlite(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('busy_timeout = 5000');
  migrate(database, path);
  return database;
}

function migrate(database: Database, path: string): void {
  const run = database.transaction(() => {
    const version = database.pragma('user_version', { simple: true }) as number;
    if (version > migrations.length)
      throw new AppError('STORE_TOO_NEW', { path, expected: migrations.length, got: version });
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.pragma(`user_version = ${migrations.length}`);
  });
  try {
    run.immediate();
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Takes the folder for one cloud; returns what gives it back. Throws `STORE_IN_USE`. */
export function lockDirectory(directory: string): () => void {
  return lockFolder(directory, 'cloud.lock', (cause) => new AppError('STORE_IN_USE', { directory }, { cause }));
}
