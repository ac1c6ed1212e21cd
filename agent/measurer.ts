/** Measurer: the agent's way to measure. Workloads in, outcomes out; the runtime lives in a process of its own. */
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import { createIsolate } from './isolate.js';
import type { IsolatedRequest, IsolatedResponse } from './isolated.js';

export interface MeasurerOptions {
  /** Threads of the runtime, at least 1. */
  readonly threads: number;
}

export interface MeasureOptions {
  /** After it, the measuring process is killed and the outcome is `timeout`. */
  readonly timeoutMs: number;
  /** The bytes of a file workload. */
  readonly fileBytes?: Uint8Array | undefined;
}

export interface Measurer {
  /** The runtimes that load here. Throws `RUNTIME_UNAVAILABLE` where none does, with the remedy. */
  runtimes(): Promise<readonly RuntimeKey[]>;
  /** One workload after another, in the order of the calls; failures are outcomes. */
  measure(workload: Workload, options: MeasureOptions): Promise<MeasurementOutcome>;
  close(): Promise<void>;
}

const probeTimeoutMs = 30_000;

export function createMeasurer({ threads }: MeasurerOptions): Measurer {
  const isolate = createIsolate<IsolatedRequest, IsolatedResponse>({
    entry: fileURLToPath(new URL('./isolated.js', import.meta.url)),
    args: [String(threads)],
  });
  return {
    async runtimes() {
      const answer = await isolate.call({ kind: 'probe' }, probeTimeoutMs);
      if (answer.ok && answer.response.kind === 'probe') return [answer.response.runtime];
      const problem = !answer.ok
        ? answer.log
        : answer.response.kind === 'unavailable'
          ? answer.response.problem
          : 'it did not answer the probe';
      throw new AppError('RUNTIME_UNAVAILABLE', { runtime: 'tflite', problem, remedy: 'see `npx bespoke doctor`' });
    },
    async measure(workload, { timeoutMs, fileBytes }) {
      const answer = await isolate.call({ kind: 'measure', job: { workload, fileBytes } }, timeoutMs);
      if (!answer.ok) return answer;
      const { response } = answer;
      if (response.kind === 'measure') return response.outcome;
      const log =
        response.kind === 'unavailable'
          ? response.problem
          : 'the measuring process answered a probe that was not asked';
      return { ok: false, reason: 'runtime', log };
    },
    close: () => isolate.close(),
  };
}
