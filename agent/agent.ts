/**
 * runAgent: takes one job at a time from the cloud, measures it, and keeps the result until the cloud has acknowledged it.
 *
 *   idle ──job──▶ measuring ──outcome──▶ idle         results wait beside: sent at once, and again after every welcome
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import {
  type MeasurementOutcome,
  maxLogLength,
  measurementOutcomeSchema,
} from '@bespoke/shared/latency/measurement.js';
import type { JobMessage, ResultMessage } from '@bespoke/shared/protocol/agent.js';
import { fetchArtifact } from './artifact.js';
import { Connection } from './connection.js';
import { describeDevice } from './device.js';
import type { Measurer } from './measurer.js';
import type { Identity } from './state.js';

export interface AgentOptions {
  readonly identity: Identity;
  /** Not closed here. */
  readonly measurer: Pick<Measurer, 'runtimes' | 'measure'>;
  /** Stops the agent. */
  readonly signal: AbortSignal;
  /** One line for people. */
  readonly log: (line: string) => void;
}

/** Results that may wait for their acknowledgement: a cloud that never gives it cannot fill the device's memory. */
const maxResultCount = 100;

/** Runs until the signal. Throws `AGENT_REPLACED`, and what `measurer.runtimes` throws. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { identity, measurer, signal, log } = options;
  /** Of the connection at hand, or of the last one. */
  let fileToken = '';
  const results = new Map<string, ResultMessage>();
  let measuring = false;

  const connection = new Connection({
    identity,
    hello: { info: describeDevice(), runtimes: await measurer.runtimes() },
    signal,
    log,
    onWelcome(token) {
      fileToken = token;
      for (const result of results.values()) connection.send(result);
      if (!measuring) connection.send({ type: 'ready' });
    },
    onJob(job) {
      if (measuring || results.size >= maxResultCount)
        throw new AppError('MESSAGE_INVALID', {
          path: '$.type',
          problem: 'a job came before the one at hand had ended, or before results were acknowledged',
        });
      measuring = true;
      void measureJob(job, options, fileToken).then((outcome) => {
        measuring = false;
        if (signal.aborted) return; // the measurer was stopped under the job: that says nothing of the workload
        const { jobId, leaseId } = job;
        const result = { type: 'result', jobId, leaseId, outcome } as const;
        results.set(jobId, result);
        connection.send(result);
        connection.send({ type: 'ready' });
      });
    },
    onResultAck: (jobId) => results.delete(jobId),
    onRefused(code) {
      // The same result would be refused again and again; its job goes back when the connection ends.
      if (code === 'MESSAGE_INVALID' || code === 'MESSAGE_TOO_LARGE') results.clear();
    },
  });
  await connection.run();
}

/** Never throws: what fails is an outcome, and what the cloud would not read is one, too. */
async function measureJob(
  job: JobMessage,
  { measurer, identity }: AgentOptions,
  fileToken: string,
): Promise<MeasurementOutcome> {
  const { workload, runtime, timeoutMs } = job;
  try {
    const fileBytes =
      workload.kind === 'file'
        ? await fetchArtifact(identity.cloud, fileToken, workload, AbortSignal.timeout(timeoutMs))
        : undefined;
    return measurementOutcomeSchema.parse(await measurer.measure(workload, { runtime, timeoutMs, fileBytes }));
  } catch (error) {
    // A file that could not be fetched may come at the next try; what else fails here would fail again.
    const reason = error instanceof AppError && error.code === 'ARTIFACT_UNAVAILABLE' ? 'timeout' : 'refused';
    return { ok: false, reason, log: (error as Error).message.slice(0, maxLogLength) };
  }
}
