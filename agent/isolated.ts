/** What the measuring process runs: loads the runtime once, then does one job per message. Argument: threads. */
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Job, runJob } from './job.js';
import type { Clock } from './measure.js';
import type { Runtime } from './runtime/runtime.js';
import { openTflite } from './runtime/tflite.js';

/** `probe` asks whether the runtime loads at all. */
export type IsolatedRequest = { readonly kind: 'probe' } | { readonly kind: 'measure'; readonly job: Job };

export type IsolatedResponse =
  | { readonly kind: 'probe'; readonly runtime: RuntimeKey }
  | { readonly kind: 'measure'; readonly outcome: MeasurementOutcome }
  /** The runtime does not load here. */
  | { readonly kind: 'unavailable'; readonly problem: string };

/** performance.now() counts nanoseconds in Node. */
const clock: Clock = { nowMs: () => performance.now(), tickMs: 1e-6 };

let runtime: Runtime | null = null;

async function answer(request: IsolatedRequest): Promise<IsolatedResponse> {
  try {
    runtime ??= openTflite(Number(process.argv[2]));
  } catch (error) {
    return { kind: 'unavailable', problem: (error as Error).message };
  }
  if (request.kind === 'probe') return { kind: 'probe', runtime: runtime.key };
  return { kind: 'measure', outcome: await runJob(request.job, runtime, clock) };
}

process.on('message', async (request: IsolatedRequest) => process.send!(await answer(request)));
process.on('disconnect', () => process.exit());
