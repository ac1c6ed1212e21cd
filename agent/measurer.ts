/** Measurer: the agent's way to measure. Workloads in, outcomes out; runtimes live in a process of their own, one at a time. */
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { runtimeCommands } from '@bespoke/shared/latency/runtime-commands.js';
import { type RuntimeKey, type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import { createIsolate, type Isolate } from './isolate.js';
import type { IsolatedRequest, IsolatedResponse } from './isolated.js';
import { QuietestLately } from './quietest-lately.js';
import { runtimes } from './runtime/runtimes.js';

export interface MeasurerOptions {
  /** Numbers of threads to offer, each at least 1; a runtime that they do not reach is offered once, with 1. */
  readonly threads: readonly number[];
  /** Which runtimes to offer where they load, in this order; all if absent. */
  readonly runtimes?: readonly RuntimeName[] | undefined;
}

export interface MeasureOptions {
  /** One of those that `runtimes` gives. */
  readonly runtime: RuntimeKey;
  /** After it, the measuring process is killed and the outcome is `timeout`. */
  readonly timeoutMs: number;
  /** The bytes of a file workload. */
  readonly fileBytes?: Uint8Array | undefined;
}

/** What became of loading a runtime with one of its delegates. */
export type Probe = { readonly runtime: RuntimeName; readonly delegate: string } & (
  | { readonly ok: true; readonly keys: readonly RuntimeKey[] }
  | { readonly ok: false; readonly problem: string; readonly remedy: string }
);

export interface Measurer {
  /** Loads every runtime with each of its delegates; those of one runtime follow one another. */
  probe(): Promise<readonly Probe[]>;
  /** The runtimes that load here. Throws `RUNTIME_UNAVAILABLE` where none does, with the remedy. */
  runtimes(): Promise<readonly RuntimeKey[]>;
  /** One workload after another, in the order of the calls; failures are outcomes. */
  measure(workload: Workload, options: MeasureOptions): Promise<MeasurementOutcome>;
  close(): Promise<void>;
}

const probeTimeoutMs = 30_000;

export function createMeasurer({ threads, runtimes: names = runtimeNames }: MeasurerOptions): Measurer {
  /** Of each runtime; processes come and go. */
  const quietest = new Map<string, QuietestLately>();
  const isolate: Runner = createIsolate({ entry: fileURLToPath(new URL('./isolated.js', import.meta.url)) });
  const probe = async () => {
    const probes: Probe[] = [];
    for (const name of names) {
      for (const delegate of Object.keys(runtimes[name].delegates))
        probes.push(await probeDelegate(isolate, name, delegate, threads));
    }
    return probes;
  };
  return {
    probe,
    async runtimes() {
      const probes = await probe();
      const keys = probes.flatMap((one) => (one.ok ? one.keys : []));
      if (keys.length > 0) return keys;
      const { runtime, problem, remedy } = probes[0] as Extract<Probe, { ok: false }>;
      throw new AppError('RUNTIME_UNAVAILABLE', { runtime, problem, remedy });
    },
    measure: (workload, options) => measureIn(isolate, quietest, workload, options),
    close: () => isolate.close(),
  };
}

type Runner = Isolate<IsolatedRequest, IsolatedResponse>;

/** One process for all delegates of a runtime: a new one would load the same library again. */
async function probeDelegate(
  isolate: Runner,
  runtime: RuntimeName,
  delegate: string,
  threads: readonly number[],
): Promise<Probe> {
  const { delegates } = runtimes[runtime];
  const request = { choice: { runtime, delegate, threads: 1 }, job: null };
  const answer = await isolate.call(request, probeTimeoutMs, `probe ${runtime}`);
  if (!answer.ok) return { runtime, delegate, ok: false, problem: answer.log, remedy: runtimeCommands[runtime] };
  const { response } = answer;
  if (!response.ok) return { runtime, delegate, ...response };
  const { version } = response.runtime;
  const counts = delegates[delegate]!.manyThreads ? threads : [1];
  return { runtime, delegate, ok: true, keys: counts.map((count) => ({ runtime, version, threads: count, delegate })) };
}

/** In a process that loads this one runtime, and what tells its pace. */
async function measureIn(
  isolate: Runner,
  quietest: Map<string, QuietestLately>,
  workload: Workload,
  { runtime: { version, ...choice }, timeoutMs, fileBytes }: MeasureOptions,
): Promise<MeasurementOutcome> {
  const { runtime, delegate, threads } = choice;
  const kind = `${runtime} ${delegate} ${threads}`;
  const lately = quietest.get(kind) ?? new QuietestLately();
  quietest.set(kind, lately);
  const request = { choice, job: { workload, fileBytes }, quietestMs: lately.at(performance.now()) };
  const answer = await isolate.call(request, timeoutMs, kind);
  if (!answer.ok) return answer;
  const { response } = answer;
  if (!response.ok) return { ok: false, reason: 'runtime', log: response.problem };
  if (response.quietestMs !== undefined) lately.note(response.quietestMs, performance.now());
  const got = response.runtime.version;
  if (got === version) return response.outcome!;
  // Exchanged under an agent that runs: its numbers are not those asked for.
  const log = `expected ${runtime} ${version}, but ${got} is installed now; restart the agent`;
  return { ok: false, reason: 'runtime', log };
}
