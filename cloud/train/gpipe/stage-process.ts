/**
 * The process of one stage: it runs the operations that the coordinator names, in their order, waits for what they need from the neighbours, and sends what they make
 * while it computes on. It ends with the coordinator.
 */
import { copyFile, constants as fsConstants, open, readFile, stat } from 'node:fs/promises';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { LinkLost } from './link.js';
import { describeShortage } from './memory-shortage.js';
import type { Operation, OperationKind } from './schedule.js';
import { type Snapshot, Snapshots } from './snapshots.js';
import { StageIo } from './stage-io.js';
import type {
  FromStage,
  SavedFile,
  StageCall,
  StageCalls,
  StageOpening,
  Standing,
  ToStage,
  TraceEvent,
} from './stage-messages.js';
import type { StageModule, StageRunner, StageTensor } from './stage-runner.js';

class StageProcess {
  readonly #isFirst: boolean;
  readonly #isLast: boolean;
  #step: number;
  /** What is being done with the runner: never rejects. */
  #underWay: Promise<unknown> = Promise.resolve();
  /** The snapshot that is being written; settled before the state moves. */
  #keeping: Promise<unknown> = Promise.resolve();
  /** A snapshot of the state is due: it is begun where the process first waits for a neighbour, so that it costs the step nothing. */
  #owesSnapshot = false;
  #abortCount = 0;
  #sends: Promise<void>[] = [];
  #trace: TraceEvent[] = [];

  private constructor(
    private readonly opening: StageOpening,
    private readonly runner: StageRunner,
    private readonly io: StageIo,
    private readonly snapshots: Snapshots,
  ) {
    this.#isFirst = opening.stage === 0;
    this.#isLast = opening.stage === opening.stageCount - 1;
    this.#step = opening.from?.step ?? 0;
  }

  static async open(opening: StageOpening): Promise<StageProcess> {
    const io = new StageIo(opening); // first of all: from then on a hang is noticed
    const { openStage } = (await import(opening.module)) as StageModule;
    const runner = await openStage(opening.options);
    if (opening.from) await restore(runner, opening.from.path);
    return new StageProcess(opening, runner, io, new Snapshots(opening.directory));
  }

  async opened(): Promise<StageCalls['open']['answer']> {
    const address = await this.io.listen(this.opening.address);
    return { ...(await this.#standing()), address };
  }

  readonly calls: {
    readonly [C in Exclude<StageCall, 'open'>]: (
      argument: StageCalls[C]['argument'],
    ) => Promise<StageCalls[C]['answer']>;
  } = {
    link: async ({ epoch, next }) => {
      await this.io.link(epoch, next);
      return null;
    },
    run: ({ step, operations }) => this.#alone(() => this.#run(step, operations)),
    commit: ({ step, figures }) =>
      this.#alone(async () => {
        await this.io.operate(() => this.runner.commit(step, figures));
        this.#step = step;
        this.#owesSnapshot = step % this.opening.snapshotEvery === 0;
        return null;
      }),
    abort: async () => {
      this.#abortCount++;
      this.io.stopWaiting('the step was aborted');
      await this.#underWay;
      await this.runner.abort();
      return this.#standing();
    },
    restore: ({ step }) =>
      this.#alone(async () => {
        if (step !== this.#step) await this.#goBack(step);
        await this.snapshots.removeAfter(step);
        if ((await this.snapshots.whole()).length === 0) this.#beginKeeping();
        return null;
      }),
    save: ({ path }) => this.#alone(() => this.#save(path)),
  };

  /** Does what touches the runner, one after the other. An abort that comes meanwhile waits for the end of what is under way; what has not begun by then does not begin, nor what is to follow where something fails. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const abortCount = this.#abortCount;
    const outcome = this.#underWay.then(() => {
      this.#throwIfAbortedSince(abortCount);
      return work();
    });
    this.#underWay = outcome.catch(() => {
      this.#abortCount++;
    });
    return outcome;
  }

  #throwIfAbortedSince(abortCount: number): void {
    if (abortCount !== this.#abortCount) throw new LinkLost('the step was aborted');
  }

  async #run(step: number, operations: readonly Operation[]): Promise<StageCalls['run']['answer']> {
    [this.#sends, this.#trace] = [[], []];
    const abortCount = this.#abortCount;
    await this.runner.begin(step);
    for (const { kind, microBatch } of operations) {
      this.#throwIfAbortedSince(abortCount);
      await this.#operations[kind](step, microBatch);
    }
    const { result: figures } = await this.io.operate(() => this.runner.finish());
    await Promise.all(this.#sends);
    this.#keepIfOwed();
    await this.#keeping; // before the others may begin the next step, in which they drop the snapshot before that one
    return { figures, trace: this.#trace };
  }

  readonly #operations: { readonly [K in OperationKind]: (step: number, microBatch: number) => Promise<void> } = {
    forward: async (step, microBatch) => {
      const inputs = this.#isFirst ? [] : await this.#receive('up', step, microBatch);
      const outputs = await this.#compute('forward', microBatch, () => this.runner.forward(microBatch, inputs));
      if (!this.#isLast) this.#send('down', step, microBatch, outputs);
    },
    recompute: (_, microBatch) => this.#compute('recompute', microBatch, () => this.runner.recompute(microBatch)),
    backward: (step, microBatch) => this.#goBackwards('backward', step, microBatch),
    inputGradients: (step, microBatch) => this.#goBackwards('inputGradients', step, microBatch),
    weightGradients: (_, microBatch) =>
      this.#compute('weightGradients', microBatch, () => this.runner.weightGradients(microBatch)),
  };

  async #goBackwards(kind: 'backward' | 'inputGradients', step: number, microBatch: number): Promise<void> {
    const gradients = this.#isLast ? [] : await this.#receive('down', step, microBatch);
    const upwards = await this.#compute(kind, microBatch, () => this.runner[kind](microBatch, gradients));
    if (!this.#isFirst) this.#send('up', step, microBatch, upwards);
  }

  async #compute<T>(kind: OperationKind, microBatch: number, work: () => Promise<T>): Promise<T> {
    const { result, ...span } = await this.io.operate(work);
    this.#trace.push({ stage: this.opening.stage, kind, microBatch, ...span });
    return result;
  }

  async #receive(side: 'up' | 'down', step: number, microBatch: number): Promise<readonly StageTensor[]> {
    const received = this.io.receive(side, step, microBatch);
    this.#keepIfOwed();
    const { tensors, startMs, endMs } = await received;
    this.#trace.push({ stage: this.opening.stage, kind: 'recv', microBatch, startMs, endMs });
    return tensors;
  }

  #send(side: 'up' | 'down', step: number, microBatch: number, tensors: readonly StageTensor[]): void {
    const trace = this.#trace;
    const sent = this.io.send(side, step, microBatch, tensors).then((span) => {
      trace.push({ stage: this.opening.stage, kind: 'send', microBatch, ...span });
    });
    sent.catch(() => {}); // thrown at the end of the step, if it comes to that
    this.#sends.push(sent);
  }

  async #standing(): Promise<Standing> {
    await this.#keeping.catch(() => {}); // thrown by the next run
    return { step: this.#step, kept: (await this.snapshots.whole()).map(({ step }) => step) };
  }

  /** A copy of the snapshot, which is made where the step has none. */
  async #save(path: string): Promise<SavedFile> {
    let kept = await this.#snapshot(this.#step);
    if (!kept) {
      this.#beginKeeping();
      kept = await this.#snapshot(this.#step);
    }
    await copyFile(kept!.path, path, fsConstants.COPYFILE_FICLONE);
    await flush(path);
    return { sha256: kept!.sha256, byteCount: (await stat(path)).size };
  }

  async #goBack(step: number): Promise<void> {
    const snapshot = await this.#snapshot(step);
    await restore(this.runner, snapshot!.path); // the coordinator names steps of the standing only
    [this.#step, this.#owesSnapshot] = [step, false];
  }

  async #snapshot(step: number): Promise<Snapshot | undefined> {
    await this.#keeping;
    return (await this.snapshots.whole()).find((snapshot) => snapshot.step === step);
  }

  #keepIfOwed(): void {
    if (this.#owesSnapshot) this.#beginKeeping();
  }

  /** Beside what the process does next. */
  #beginKeeping(): void {
    this.#owesSnapshot = false;
    const step = this.#step;
    this.#keeping = this.runner
      .state()
      .then((state) => this.io.keep(this.opening.directory, step, encodeSafetensors(state)));
    this.#keeping.catch(() => {}); // thrown where it is awaited
  }
}

async function restore(runner: StageRunner, path: string): Promise<void> {
  await runner.restore(decodeSafetensors(await readFile(path)).weights);
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

let stage: StageProcess | null = null;

async function answer({ call, argument }: ToStage): Promise<unknown> {
  if (call === 'open') {
    stage = await StageProcess.open(argument as StageOpening);
    return stage.opened();
  }
  return (stage!.calls[call] as (argument: unknown) => Promise<unknown>)(argument);
}

process.on('message', async (message: ToStage) => {
  const { id } = message;
  try {
    reply({ id, answer: await answer(message) });
  } catch (error) {
    reply({
      id,
      problem: describeProblem(error),
      isFault: error instanceof LinkLost && describeShortage(error.message) === null,
    });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {}); // of a terminal goes to all its processes: the coordinator decides what follows

function describeProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return describeShortage(error.message) ?? error.stack ?? error.message;
}

function reply(message: FromStage): void {
  process.send!(message);
}
