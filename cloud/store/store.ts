/** Store: everything that the cloud remembers, one repository per noun. SQL lives in this folder only. */
import { Agents, cloudIdOf } from './agents.js';
import { Artifacts } from './artifacts.js';
import { Blocks } from './blocks.js';
import { startCheckpoints } from './checkpoints.js';
import { openDatabase } from './database.js';
import { Devices } from './devices.js';
import { ImportedLatencies } from './imported-latencies.js';
import { Jobs } from './jobs.js';
import { Latencies } from './latencies.js';
import { Leases } from './leases.js';
import { Predictors } from './predictors.js';
import { Secrets } from './secrets.js';
import { Studies } from './studies.js';
import { Tables } from './tables.js';
import { Workloads } from './workloads.js';

export interface Store {
  /** Which cloud this is: 32 hex digits, made up with the database. */
  readonly cloudId: string;
  readonly agents: Agents;
  readonly devices: Devices;
  readonly jobs: Jobs;
  readonly leases: Leases;
  readonly blocks: Blocks;
  readonly latencies: Latencies;
  readonly imported: ImportedLatencies;
  readonly tables: Tables;
  readonly predictors: Predictors;
  readonly studies: Studies;
  readonly artifacts: Artifacts;
  readonly secrets: Secrets;
  /** False once closed. */
  readonly open: boolean;
  /** Keeps a thread that brings the database's log into it, which commits do otherwise; gives what ends it. */
  checkpointBeside(): () => Promise<void>;
  /** Does all of the work or none; within another one, it is a part of that. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Opens the store in a data folder; `now` is the clock that stamps rows. Throws `STORE_TOO_NEW`. */
export function openStore(directory: string, now: () => Date = () => new Date()): Store {
  const database = openDatabase(directory);
  const atomically = database.transaction((work: () => unknown) => work());
  const devices = new Devices(database, now);
  const workloads = new Workloads(database);
  const latencies = new Latencies(database, now);
  const cloudId = cloudIdOf(database);
  const secrets = new Secrets(database, now, cloudId);
  const leases = new Leases(database, now);
  const blocks = new Blocks(database, now);
  const predictors = new Predictors(database, now);
  const imported = new ImportedLatencies(database, workloads, now);
  return {
    cloudId,
    agents: new Agents(database, secrets, now),
    devices,
    jobs: new Jobs(database, { devices, workloads, latencies, leases, blocks }, now),
    leases,
    blocks,
    latencies,
    imported,
    tables: new Tables(database, devices, latencies, imported),
    predictors,
    studies: new Studies(database, predictors, now),
    artifacts: new Artifacts(database, directory, now),
    secrets,
    get open() {
      return database.open;
    },
    transaction: <T>(work: () => T) => (database.inTransaction ? work() : atomically.immediate(work)) as T,
    checkpointBeside: () => startCheckpoints(database),
    close: () => database.close(),
  };
}
