/**
 * Pipeline: the coordinator of the stages' processes. A step is a transaction:
 *
 *            run n, commit n            all have run n
 *   at n-1 ─────────────────▶ running ─────────────────▶ run n + 1, commit n + 1 ─▶ running
 *     ▲                          │ a stage is gone, or a link                          │
 *     └──────── recover ◀────────┴─────────────────────────────────────────────────────┘
 *
 *   recover: abort the living, start the gone again ─▶ the latest step that every stage can be at ─▶ restore ─▶ link anew ─▶ run
 *
 * A stage commits as soon as it is done with its run, whatever the others do; unless a commit needs the figures of all (`commitsTogether`): then it is sent once all have run. That all have run n decides
 * the step: what a commit moved is taken back by restoring, and computed again.
 * A stage has its state in memory and two snapshots; neighbours are never more than one commit apart, and run n + 1 ends once snapshot n is whole. So there is always such a
 * step: n, or n-1 where the end came before the last snapshot was whole; the steps from there are replayed and give the same bits.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { clockMs } from './clock.js';
import { launchStage, listeningAddress, type StageLaunch } from './launch-stage.js';
import type { Operation } from './schedule.js';
import { StageFault, type StageHost } from './stage-host.js';
import type { Address, SavedFile, StageCalls, Standing, TraceEvent } from './stage-messages.js';
import { type Figures, sumFigures } from './stage-runner.js';

export interface PipelineOptions {
  readonly stages: readonly StageLaunch[];
  /** Where snapshots of this run lie; those of an earlier one are removed. */
  readonly directory: string;
  /** The operations of every stage in step `step`: a function of the step, which may be replayed. */
  readonly operationsOf: (step: number) => readonly (readonly Operation[])[];
  /** Whether a commit needs the figures of all stages: then no stage commits before all have run the step. */
  readonly commitsTogether: boolean;
  /** A file of state for every stage, to begin with instead of the initial state. */
  readonly from?: { readonly step: number; readonly paths: readonly string[] };
  /** A stage whose operation takes longer hangs, and is started again. */
  readonly operationTimeoutMs: number;
  /** How many steps lie between two snapshots of a stage: so many are replayed at most. 1 where absent. */
  readonly snapshotEvery?: number;
  /** How long each try waits for a host that does not answer. 5 s where absent. */
  readonly dialForMs?: number;
  readonly onFault?: (fault: Fault) => void;
}

export interface Fault {
  readonly stage: number;
  readonly how: string;
  /** On the clock of the trace: when it was noticed, and when all stages were ready to go on. */
  readonly noticedMs: number;
  readonly recoveredMs: number;
  /** The step after which the training goes on. */
  readonly step: number;
}

export interface StepReport {
  readonly step: number;
  readonly figures: Figures;
  /** Of the run that was committed. */
  readonly trace: readonly TraceEvent[];
}

/** For what is no operation of a step: starting, loading a state, writing one. */
const callTimeoutMs = 60_000;
/** A longer timer fires at once. */
const maxTimerMs = 2 ** 31 - 1;
const maxFaultsInRow = 5;

export class Pipeline {
  readonly #hosts: StageHost[] = [];
  /** What the stages of this run know one another by, and nobody else has. */
  readonly #identity = { run: randomUUID(), linkSecret: randomBytes(16).toString('hex') };
  readonly #addresses: Address[] = [];
  #losses: { readonly stage: number; readonly how: string }[] = [];
  /** Of the last step that all have run, though it may have to be replayed since. */
  #lastRun: StepReport | null = null;
  #isClosed = false;
  #step: number;
  #target: number;
  #epoch = 0;
  #startCount = 0;
  /** Since the last step that was made for the first time. */
  #faultsInRow = 0;
  /** The stages' answers to the last commit, which the next step does not wait for: each stage takes what it is sent in that order. */
  #committing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: PipelineOptions,
    private readonly socketDirectory: string,
  ) {
    this.#step = options.from?.step ?? 0;
    this.#target = this.#step;
  }

  /** Starts the processes. Throws `STAGE_FAILED`, `STAGE_LOST`, `HOST_REFUSED`. */
  static async open(options: PipelineOptions): Promise<Pipeline> {
    await rm(options.directory, { recursive: true, force: true });
    const pipeline = new Pipeline(options, await mkdtemp(join(tmpdir(), 'bespoke-pipe-')));
    try {
      await pipeline.#surviving(async () => {});
    } catch (error) {
      await pipeline.close();
      throw error;
    }
    return pipeline;
  }

  /** The last step that all stages have run: all of them commit it, or run it again to the same bits and then do. */
  get step(): number {
    return this.#target;
  }

  /** Of the stages' processes, in order. */
  get processIds(): readonly number[] {
    return this.#hosts.map(({ processId }) => processId);
  }

  /** Makes the next step, however many faults come between. Throws `STAGE_FAILED`, `STAGE_LOST`, `HOST_REFUSED`: then only `close` is left. Calls must not overlap. */
  async runStep(): Promise<StepReport> {
    const target = this.#target + 1;
    await this.#surviving(() => this.#reach(target));
    this.#target = target;
    return this.#lastRun!;
  }

  /** Writes the state of every stage, `paths[stage]`. Not while a step runs. */
  save(paths: readonly string[]): Promise<readonly SavedFile[]> {
    return this.#surviving(async () => {
      await this.#reach(this.#target);
      await this.#committing;
      return this.#all('save', (stage) => ({ path: paths[stage]! }));
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#hosts.map((host) => host.close()));
    await rm(this.socketDirectory, { recursive: true, force: true });
  }

  async #reach(target: number): Promise<void> {
    while (this.#step < target) await this.#transact(this.#step + 1);
  }

  async #transact(step: number): Promise<void> {
    const operations = this.options.operationsOf(step);
    const operationCount = operations.reduce((sum, list) => sum + list.length + 1, 0);
    const runTimeoutMs = Math.min(operationCount * this.options.operationTimeoutMs, maxTimerMs - callTimeoutMs); // were they all made one after the other
    const running = this.#all('run', (stage) => ({ step, operations: operations[stage]! }), runTimeoutMs);
    const isReplayed = step <= this.#target;
    const commit = (figures: Figures) => this.#all('commit', () => ({ step, figures }), runTimeoutMs + callTimeoutMs);
    const begun = this.options.commitsTogether ? null : commit({}); // each stage commits when it is done with its run
    begun?.catch(() => {}); // thrown by what comes next
    const [ran] = await Promise.all([running, this.#committing]);
    const figures = sumFigures(ran.map((answer) => answer.figures));
    this.#lastRun = { step, figures, trace: ran.flatMap(({ trace }) => trace) };
    this.#committing = (begun ?? commit(figures)).then(() => {
      if (!isReplayed) this.#faultsInRow = 0; // who dies at the same step again and again gets no further by the steps before it
    });
    this.#committing.catch(() => {}); // thrown by what comes next
    this.#step = step;
  }

  /** Does the work, again after every fault, until it is done. */
  async #surviving<T>(work: () => Promise<T>): Promise<T> {
    let [noticedMs, fault] = [0, null as StageFault | null];
    for (;;) {
      try {
        if (fault !== null || this.#epoch === 0) await this.#recover();
        if (fault !== null) this.#report(fault, noticedMs);
        fault = null;
        return await work();
      } catch (error) {
        if (!(error instanceof StageFault) || this.#isClosed) throw error;
        if (fault === null) noticedMs = clockMs();
        fault = error;
        if (++this.#faultsInRow > maxFaultsInRow) await this.#giveUp(error);
      }
    }
  }

  async #recover(): Promise<void> {
    const standings = this.options.stages.map((_, stage) => this.#standing(stage));
    await Promise.allSettled(standings); // though one may fail: a process that is still starting cannot be asked for anything
    this.#committing = Promise.resolve();
    this.#step = this.#latestCommon(await Promise.all(standings));
    await this.#all('restore', () => ({ step: this.#step }));
    this.#epoch++;
    await this.#all('link', (stage) => ({ epoch: this.#epoch, next: this.#addresses[stage + 1] ?? null }));
  }

  /** Of the stage after its open step was dropped; in a new process where the old one is gone. */
  async #standing(stage: number): Promise<Standing> {
    const host = this.#hosts[stage];
    try {
      if (host) return await host.call('abort', null, callTimeoutMs);
    } catch (error) {
      if (host!.gone === null || !(error instanceof StageFault)) throw error;
      this.#losses.push({ stage, how: host!.gone });
    }
    const { address, ...standing } = await this.#start(stage);
    this.#addresses[stage] = address;
    return standing;
  }

  async #start(stage: number): Promise<StageCalls['open']['answer']> {
    const { stages, directory, from, snapshotEvery = 1, operationTimeoutMs, dialForMs = 5000 } = this.options;
    const { module, options } = stages[stage]!;
    const socketPath = join(this.socketDirectory, `${this.#startCount++}.sock`);
    const address = await listeningAddress(stages, stage, socketPath);
    const host = launchStage(stage, stages[stage]!, dialForMs);
    this.#hosts[stage] = host;
    const opening: StageCalls['open']['argument'] = {
      ...this.#identity,
      stage,
      stageCount: stages.length,
      module,
      options,
      from: from ? { step: from.step, path: from.paths[stage]! } : null,
      directory: join(directory, `stage-${stage}`),
      snapshotEvery,
      address,
      operationTimeoutMs,
    };
    return host.call('open', opening, callTimeoutMs);
  }

  #latestCommon(standings: readonly Standing[]): number {
    const reachable = standings.map(({ step, kept }) => new Set([step, ...kept]));
    const common = [...reachable[0]!].filter(
      (step) => step <= this.#step && reachable.every((steps) => steps.has(step)), // of a later one, an answer may be lost
    );
    if (common.length > 0) return Math.max(...common);
    const problem = `its stages have no step in common: ${standings.map(({ step, kept }) => `[${[step, ...kept]}]`).join(' ')}`;
    throw new AppError('CHECKPOINT_INVALID', { directory: this.options.directory, problem });
  }

  #all<C extends keyof StageCalls>(
    call: C,
    argumentOf: (stage: number) => StageCalls[C]['argument'],
    timeoutMs = callTimeoutMs,
  ): Promise<StageCalls[C]['answer'][]> {
    return Promise.all(this.#hosts.map((host) => host.call(call, argumentOf(host.stage), timeoutMs)));
  }

  /** Who was lost; where nobody was, it was a link between two that live. */
  #report({ stage, how }: StageFault, noticedMs: number): void {
    const losses = this.#losses.length > 0 ? this.#losses : [{ stage, how }];
    const recoveredMs = clockMs();
    for (const loss of losses) this.options.onFault?.({ ...loss, noticedMs, recoveredMs, step: this.#step });
    this.#losses = [];
  }

  /** Names who was lost, not the neighbour that heard of it first. */
  async #giveUp(fault: StageFault): Promise<never> {
    const launched = Object.values(this.#hosts); // some may never have come to that
    const ends = await Promise.allSettled(launched.map((host) => host.call('abort', null, callTimeoutMs)));
    for (const end of ends) if (end.status === 'rejected' && !(end.reason instanceof StageFault)) throw end.reason;
    const lost = launched.find(({ gone }) => gone !== null);
    const { stage, how } = lost ? { stage: lost.stage, how: lost.gone! } : fault;
    const { lastWords, remedy } = this.#hosts[stage]!;
    throw new AppError('STAGE_LOST', { stage, faultCount: this.#faultsInRow, how, lastWords, remedy });
  }
}
