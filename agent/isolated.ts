/** What the measuring process runs: does one job per message, with the runtime that the message names. */
import { isAppError } from '@bespoke/shared/base/errors.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Job, runJob } from './job.js';
import type { Clock } from './measure.js';
import type { Runtime } from './runtime/runtime.js';
import { openRuntime, type RuntimeChoice } from './runtime/runtimes.js';

export interface IsolatedRequest {
  readonly choice: RuntimeChoice;
  /** null only asks whether the runtime loads. */
  readonly job: Job | null;
}

export type IsolatedResponse =
  | { readonly ok: true; readonly runtime: RuntimeKey; readonly outcome: MeasurementOutcome | null }
  /** The runtime does not load here. */
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** performance.now() counts nanoseconds in Node. */
const clock: Clock = { nowMs: () => performance.now(), tickMs: 1e-6 };

/** What this process has loaded, by delegate: it is asked for one runtime at one number of threads. */
const opened = new Map<string, Runtime>();

async function answer({ choice, job }: IsolatedRequest): Promise<IsolatedResponse> {
  let runtime = opened.get(choice.delegate);
  try {
    runtime ??= await openRuntime(choice);
  } catch (error) {
    if (!isAppError(error, 'RUNTIME_UNAVAILABLE')) throw error;
    const { problem, remedy } = error.details;
    return { ok: false, problem, remedy };
  }
  opened.set(choice.delegate, runtime);
  return { ok: true, runtime: runtime.key, outcome: job && (await runJob(job, runtime, clock)) };
}

process.on('message', async (request: IsolatedRequest) => process.send!(await answer(request)));
process.on('disconnect', () => process.exit());
