/** What the measuring process runs: does one job per message, with the runtime that the message names. */
import { isAppError } from '@bespoke/shared/base/errors.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Job, runJob } from './job.js';
import type { Clock } from './measure.js';
import { openPace, type Pace } from './pace.js';
import type { Runtime, Use } from './runtime/runtime.js';
import { openRuntime, type RuntimeChoice, runtimes } from './runtime/runtimes.js';

export interface IsolatedRequest {
  readonly choice: RuntimeChoice;
  /** null only asks whether the runtime loads. */
  readonly job: Job | null;
  /** What the block that tells of the device's pace took at its quietest in earlier jobs of the runtime (pace.ts). */
  readonly quietestMs?: number | undefined;
}

export type IsolatedResponse =
  | {
      readonly ok: true;
      readonly runtime: RuntimeKey;
      readonly outcome: MeasurementOutcome | null;
      /** What the block took at its quietest in this job. */
      readonly quietestMs?: number | undefined;
    }
  /** The runtime does not load here. */
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** performance.now() counts nanoseconds in Node. */
const clock: Clock = { nowMs: () => performance.now(), tickMs: 1e-6 };

/** Only times leave this process. */
const use: Use = { readsOutputs: false };

/** What this process has loaded, by delegate: it is asked for one runtime at one number of threads, beside which there is only what tells its pace. */
const opened = new Map<string, Runtime>();
const paces = new Map<string, Pace | null>();

async function answer({ choice, job, quietestMs }: IsolatedRequest): Promise<IsolatedResponse> {
  let runtime = opened.get(choice.delegate);
  try {
    runtime ??= await openRuntime(choice, use);
  } catch (error) {
    if (!isAppError(error, 'RUNTIME_UNAVAILABLE')) throw error;
    const { problem, remedy } = error.details;
    return { ok: false, problem, remedy };
  }
  opened.set(choice.delegate, runtime);
  if (!job) return { ok: true, runtime: runtime.key, outcome: null };
  if (!paces.has(choice.delegate)) paces.set(choice.delegate, await paceOf(runtime, choice));
  const pace = paces.get(choice.delegate)!;
  pace?.begin(quietestMs);
  const outcome = await runJob(job, { runtime, clock, pace });
  return { ok: true, runtime: runtime.key, outcome, quietestMs: pace?.leastMs };
}

/**
 * Tells of the processor for those that cannot: one thread of it answers at once, and its looks scatter by 1%, where those of ONNX Runtime would scatter by 15. It copies inputs and outputs with
 * every run, as it did when it was tried (docs/adr/0006).
 */
const gauge: RuntimeChoice = { runtime: 'tflite', delegate: 'xnnpack', threads: 1 };

/** A runtime of which nothing tells measures without; if it can run nothing, the job says so. */
async function paceOf(runtime: Runtime, { runtime: name, delegate }: RuntimeChoice): Promise<Pace | null> {
  const { paceBy } = runtimes[name].delegates[delegate]!;
  try {
    return await openPace(paceBy, runtime, () => openRuntime(gauge), clock);
  } catch {
    return null;
  }
}

process.on('message', async (request: IsolatedRequest) => process.send!(await answer(request)));
process.on('disconnect', () => process.exit());
