/** What the measuring process runs: loads the runtime of its first message, then does one job per message with it. */
import { isAppError } from '@bespoke/shared/base/errors.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Job, runJob } from './job.js';
import type { Clock } from './measure.js';
import type { Runtime } from './runtime/runtime.js';
import { openRuntime, type RuntimeChoice } from './runtime/runtimes.js';

export interface IsolatedRequest {
  /** The same in all messages to one process. */
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

let runtime: Runtime | null = null;

async function answer({ choice, job }: IsolatedRequest): Promise<IsolatedResponse> {
  try {
    runtime ??= await openRuntime(choice);
  } catch (error) {
    if (!isAppError(error, 'RUNTIME_UNAVAILABLE')) throw error;
    const { problem, remedy } = error.details;
    return { ok: false, problem, remedy };
  }
  return { ok: true, runtime: runtime.key, outcome: job && (await runJob(job, runtime, clock)) };
}

process.on('message', async (request: IsolatedRequest) => {
  process.send!(await answer(request));
  globalThis.gc?.(); // tflite's binding frees a model with the object that wraps it
});
process.on('disconnect', () => process.exit());
