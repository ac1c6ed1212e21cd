/**
 * Profiler: the costs that a plan stands on, measured where the training will run: in processes like its stages, as many at once as there will be stages, because they
 * share caches, memory and, where they are hyperthreads, arithmetic units.
 *
 *   process 0 ─ blocks at M=4 ─┐ wait for ├─ blocks at M=8 ─┐        then one process with all threads:
 *   process 1 ─ blocks at M=4 ─┘   all    ├─ blocks at M=8 ─┘ mean   ─ a whole step ─ transfers ─
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { TrainRecipe } from '../recipe.js';
import type { BackendName } from '../tfjs/backend.js';
import { threadEnvironment } from '../threads.js';
import type { BlockCost, MeasuredCosts, TransferCost } from './costs.js';
import { splitMicroBatches } from './microbatch.js';

/** JSON. What is trained, on what. */
export interface ProfileSubject {
  readonly network: Network;
  readonly recipe: TrainRecipe;
  /** Of a packed data set. */
  readonly dataDirectory: string;
  readonly backend: BackendName;
}

/** What a profiling process can be asked. */
export interface ProfileCalls {
  /** Costs of every block with micro-batches of so many samples. */
  blocks: { argument: { readonly microBatchSize: number }; answer: readonly BlockCost[] };
  /** One step over these micro-batches, one after the other, in ms. */
  step: { argument: { readonly microBatchSizes: readonly number[] }; answer: number };
  transfer: { argument: null; answer: TransferCost };
}
export type ProfileCall = keyof ProfileCalls;

export interface ToProfile<C extends ProfileCall = ProfileCall> {
  readonly subject: ProfileSubject;
  readonly call: C;
  readonly argument: ProfileCalls[C]['argument'];
}
export type FromProfile = { readonly answer: unknown } | { readonly problem: string };

/** All that a plan is made from. */
export interface Profile {
  /** By number of micro-batches. */
  readonly candidates: readonly [MeasuredCosts, ...MeasuredCosts[]];
  readonly transfer: TransferCost;
  /** Of one process with all processors, over the micro-batches of the first candidate. */
  readonly oneProcessStepMs: number;
}

export interface ProfileRequest {
  readonly stageCount: number;
  /** Of each stage. */
  readonly threadCount: number;
  readonly microBatchCounts: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** `share` of the profile is done, 0..1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Throws `PROFILE_FAILED`, the signal's reason. */
export async function profilePipeline(subject: ProfileSubject, request: ProfileRequest): Promise<Profile> {
  const { stageCount, threadCount, microBatchCounts, signal, onProgress } = request;
  const candidates: MeasuredCosts[] = [];
  const partCount = microBatchCounts.length + 1;
  await withProcesses(subject, stageCount, threadCount, signal, async (processes) => {
    for (const microBatchCount of microBatchCounts) {
      candidates.push(await measureCosts(subject, processes, microBatchCount));
      onProgress?.(candidates.length / partCount);
    }
  });
  const sizes = splitMicroBatches(subject.recipe.batchSize, microBatchCounts[0]!);
  const whole = await withProcesses(subject, 1, availableParallelism(), signal, async ([process]) => {
    const microBatchSizes = sizes.map(({ sampleCount }) => sampleCount);
    return {
      oneProcessStepMs: await process!.ask('step', { microBatchSizes }),
      transfer: await process!.ask('transfer', null),
    };
  });
  onProgress?.(1);
  return { candidates: candidates as [MeasuredCosts, ...MeasuredCosts[]], ...whole };
}

async function measureCosts(
  { network: { input }, recipe }: ProfileSubject,
  processes: readonly ProfileProcess[],
  microBatchCount: number,
): Promise<MeasuredCosts> {
  const microBatchSize = splitMicroBatches(recipe.batchSize, microBatchCount)[0]!.sampleCount;
  const measured = await Promise.all(processes.map((process) => process.ask('blocks', { microBatchSize })));
  const mean = (pick: (costs: readonly BlockCost[]) => number) =>
    measured.reduce((sum, costs) => sum + pick(costs), 0) / measured.length;
  return {
    microBatchCount,
    inputBytes:
      Float32Array.BYTES_PER_ELEMENT * elementCount([microBatchSize, input.height, input.width, input.channels]),
    blocks: measured[0]!.map((block, index) => ({
      ...block,
      forwardMs: mean((costs) => costs[index]!.forwardMs),
      backwardMs: mean((costs) => costs[index]!.backwardMs),
    })),
  };
}

async function withProcesses<T>(
  subject: ProfileSubject,
  count: number,
  threadCount: number,
  signal: AbortSignal | undefined,
  work: (processes: readonly ProfileProcess[]) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const processes = Array.from({ length: count }, () => new ProfileProcess(subject, threadCount));
  const end = () => {
    for (const process of processes) process.end();
  };
  signal?.addEventListener('abort', end);
  try {
    return await work(processes);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

const maxLastWords = 2000;
const entry = fileURLToPath(new URL('./profile-process.js', import.meta.url));

class ProfileProcess {
  readonly #process: ChildProcess;
  #lastWords = '';

  constructor(
    private readonly subject: ProfileSubject,
    threadCount: number,
  ) {
    this.#process = fork(entry, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, ...threadEnvironment(threadCount) },
    });
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-maxLastWords);
    });
  }

  /** One call at a time. Throws `PROFILE_FAILED`. */
  ask<C extends ProfileCall>(call: C, argument: ProfileCalls[C]['argument']): Promise<ProfileCalls[C]['answer']> {
    return new Promise((resolve, reject) => {
      const failed = (problem: string) => reject(new AppError('PROFILE_FAILED', { problem }));
      const exited = (code: number | null, signal: string | null) =>
        failed(`its process ended (${signal ?? `exit code ${code}`})${this.#lastWords && `: ${this.#lastWords}`}`);
      this.#process.once('exit', exited);
      this.#process.once('message', (message: FromProfile) => {
        this.#process.off('exit', exited);
        if ('problem' in message) failed(message.problem);
        else resolve(message.answer as ProfileCalls[C]['answer']);
      });
      this.#process.send({ subject: this.subject, call, argument } satisfies ToProfile);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
