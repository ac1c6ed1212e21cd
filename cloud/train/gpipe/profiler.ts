/**
 * Profiler: the costs that a plan stands on, measured where the training will run: in processes like its stages, as many at once as there will be stages, because they
 * share caches, memory and, where they are hyperthreads, arithmetic units.
 *
 *   process 0 ─ blocks at M=4 ─┐ wait for ├─ blocks at M=8 ─┐        ─ transfers ─ then one process with all threads:
 *   process 1 ─ blocks at M=4 ─┘   all    ├─ blocks at M=8 ─┘ mean                 ─ a whole step ─
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism, freemem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { lastWordsOf } from '../last-words.js';
import type { TrainRecipe } from '../recipe.js';
import type { BackendName } from '../tfjs/backend.js';
import { computeProcess } from '../threads.js';
import type { BlockCost, MeasuredCosts, TransferCost } from './costs.js';
import { describeShortage } from './memory-shortage.js';
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
  /** Of one process with all processors, over the micro-batches of the first candidate; null where it has no room for the whole network. */
  readonly oneProcessStepMs: number | null;
}

export interface ProfileRequest {
  /** Of each stage; there are as many processes. */
  readonly threadCounts: readonly number[];
  readonly microBatchCounts: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** `share` of the profile is done, 0..1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Throws `PROFILE_FAILED`, the signal's reason. */
export async function profilePipeline(subject: ProfileSubject, request: ProfileRequest): Promise<Profile> {
  const { threadCounts, microBatchCounts, signal, onProgress } = request;
  const candidates: MeasuredCosts[] = [];
  const partCount = microBatchCounts.length + 1;
  const transfer = await withProcesses(subject, threadCounts, signal, async (processes) => {
    for (const microBatchCount of microBatchCounts) {
      candidates.push(await measureCosts(subject, processes, microBatchCount));
      onProgress?.(candidates.length / partCount);
    }
    return processes[0]!.ask('transfer', null);
  });
  const oneProcessStepMs = hasRoom(candidates[0]!) ? await measureWhole(subject, microBatchCounts[0]!, signal) : null;
  onProgress?.(1);
  return { candidates: candidates as [MeasuredCosts, ...MeasuredCosts[]], transfer, oneProcessStepMs };
}

/** Whether the free memory of this machine holds the whole network and one micro-batch, twice: the formula leaves out what operations have under way. */
function hasRoom({ blocks }: MeasuredCosts): boolean {
  const byteCount = blocks.reduce((sum, block) => sum + 2 * block.parameterBytes + block.savedBytes, 0);
  return 2 * byteCount < freemem();
}

/** Null where it fails: the pipeline is what was asked for. */
function measureWhole(
  subject: ProfileSubject,
  microBatchCount: number,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const parts = splitMicroBatches(subject.recipe.batchSize, microBatchCount);
  const microBatchSizes = parts.map(({ sampleCount }) => sampleCount);
  return withProcesses(subject, [availableParallelism()], signal, ([process]) =>
    process!.ask('step', { microBatchSizes }),
  ).catch((error) => {
    if (isAppError(error) && error.code === 'PROFILE_FAILED') return null;
    throw error;
  });
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
      weightGradientMs: mean((costs) => costs[index]!.weightGradientMs),
    })),
  };
}

async function withProcesses<T>(
  subject: ProfileSubject,
  threadCounts: readonly number[],
  signal: AbortSignal | undefined,
  work: (processes: readonly ProfileProcess[]) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const processes = threadCounts.map((threadCount) => new ProfileProcess(subject, threadCount));
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

/** A process that says nothing for so long is stopped, or computes on something for which nobody would wait. */
const callTimeoutMs = 600_000;
const entry = fileURLToPath(new URL('./profile-process.js', import.meta.url));

interface Asked {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

class ProfileProcess {
  readonly #process: ChildProcess;
  readonly #lastWords: () => string;
  #asked: Asked | null = null;
  #problem: string | null = null;

  constructor(
    private readonly subject: ProfileSubject,
    threadCount: number,
  ) {
    this.#process = fork(entry, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], ...computeProcess(threadCount) });
    this.#lastWords = lastWordsOf(this.#process.stderr!);
    this.#process.on('message', (message: FromProfile) => {
      if ('problem' in message) this.#fail(message.problem);
      else this.#asked?.resolve(message.answer);
    });
    this.#process.once('close', (code, signal) => this.#ended(`its process ended (${signal ?? `exit code ${code}`})`));
    this.#process.once('error', (error) => this.#ended(`its process did not start (${error.message})`));
  }

  /** One call at a time. Throws `PROFILE_FAILED`. */
  async ask<C extends ProfileCall>(call: C, argument: ProfileCalls[C]['argument']): Promise<ProfileCalls[C]['answer']> {
    const timer = setTimeout(() => this.#fail(`it took more than ${callTimeoutMs / 1000} s`), callTimeoutMs);
    try {
      return await new Promise<ProfileCalls[C]['answer']>((resolve, reject) => {
        this.#asked = { resolve: (answer) => resolve(answer as ProfileCalls[C]['answer']), reject };
        if (this.#problem !== null) this.#fail(this.#problem);
        else this.#process.send({ subject: this.subject, call, argument } satisfies ToProfile, () => {}); // its end is heard
      });
    } finally {
      clearTimeout(timer);
      this.#asked = null;
    }
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }

  #ended(how: string): void {
    if (this.#problem !== null) return; // `close` comes after `error`, too
    const lastWords = this.#lastWords();
    this.#problem = describeShortage(lastWords) ?? `${how}${lastWords && `: ${lastWords}`}`;
    this.#fail(this.#problem);
  }

  #fail(problem: string): void {
    this.#asked?.reject(new AppError('PROFILE_FAILED', { problem }));
  }
}
