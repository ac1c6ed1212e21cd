/**
 * An event simulator of pipelines: when every operation starts and ends if each takes a given time. An operation starts once its stage is free and its input has
 * arrived. A boundary carries one message at a time in each direction; sending costs the stages nothing (sends overlap computation).
 *
 * For the gpipe schedule without recomputation the step takes, exactly (f forward, b backward of a stage, c transfer over a boundary, in ms per micro-batch):
 *
 *   sum f + sum c + (M - 1) max(f, c) + sum b + sum c + (M - 1) max(b, c)
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Operation, type OperationKind, receiverOffsets } from './schedule.js';

/** Times per micro-batch. To recompute takes a stage as long as its forward. */
export interface StageDurations {
  /** By stage. */
  readonly forwardMs: readonly number[];
  /** By stage. */
  readonly backwardMs: readonly number[];
  /** By stage: the part of its backward that makes the gradients of its weights. */
  readonly weightGradientMs: readonly number[];
  /** By boundary (one less than stages): from the end of an operation until the neighbour has what it gave. */
  readonly transferMs: readonly number[];
}

/** An operation that ran, or that was simulated, from `startMs` to `endMs` of a clock that all stages share. */
export interface OperationEvent extends Operation {
  readonly stage: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Simulation {
  /** By stage, in the order in which they ran. */
  readonly stages: readonly (readonly OperationEvent[])[];
  /** From the first start, 0, to the last end. */
  readonly stepMs: number;
  /** 1 - busy / (K stepMs): of all that the stages could have computed, what they did not. */
  readonly idleShare: number;
}

/** Throws `PIPELINE_STUCK` where an operation waits for what comes after it. */
export function simulate(operations: readonly (readonly Operation[])[], durations: StageDurations): Simulation {
  const stageCount = operations.length;
  const links = new Links(stageCount, durations.transferMs);
  const stages: OperationEvent[][] = operations.map(() => []);
  const advance = (stage: number): boolean => {
    const events = stages[stage]!;
    const operation = operations[stage]![events.length];
    if (!operation) return false;
    const arrivalMs = links.arrivalMs(stage, operation);
    if (arrivalMs === undefined) return false;
    const startMs = Math.max(arrivalMs, events.at(-1)?.endMs ?? 0);
    const endMs = startMs + durationsMs[operation.kind](durations, stage);
    events.push({ stage, ...operation, startMs, endMs });
    links.send(stage, operation, endMs);
    return true;
  };
  for (let moved = true; moved; ) {
    moved = false;
    for (let stage = 0; stage < stageCount; stage++) while (advance(stage)) moved = true;
  }
  checkDone(operations, stages);
  return { stages, ...summary(stages) };
}

/** Step time and idle share of events, by stage; the step begins with the first of them. */
export function summary(stages: readonly (readonly OperationEvent[])[]): { stepMs: number; idleShare: number } {
  const events = stages.flat();
  const startMs = Math.min(...events.map((event) => event.startMs));
  const stepMs = Math.max(...events.map((event) => event.endMs)) - startMs;
  const busyMs = events.reduce((sum, event) => sum + event.endMs - event.startMs, 0);
  return { stepMs, idleShare: stepMs > 0 ? 1 - busyMs / (stages.length * stepMs) : 0 };
}

const durationsMs: { readonly [K in OperationKind]: (durations: StageDurations, stage: number) => number } = {
  forward: ({ forwardMs }, stage) => forwardMs[stage]!,
  recompute: ({ forwardMs }, stage) => forwardMs[stage]!,
  backward: ({ backwardMs }, stage) => backwardMs[stage]!,
  inputGradients: ({ backwardMs, weightGradientMs }, stage) => backwardMs[stage]! - weightGradientMs[stage]!,
  weightGradients: ({ weightGradientMs }, stage) => weightGradientMs[stage]!,
};

/** What is under way between the stages: for each direction and stage that receives, the arrivals by micro-batch and the time from which the boundary is free. */
class Links {
  readonly #arrivals = new Map<string, number>();
  readonly #freeMs = new Map<string, number>();

  constructor(
    readonly stageCount: number,
    readonly transferMs: readonly number[],
  ) {}

  /** When the operation's input is there: at once where it is the stage's own; undefined while not sent. */
  arrivalMs(stage: number, { kind, microBatch }: Operation): number | undefined {
    const offset = receiverOffsets[kind];
    const sender = stage - offset;
    if (sender === stage || sender < 0 || sender >= this.stageCount) return 0;
    return this.#arrivals.get(`${offset} ${stage} ${microBatch}`);
  }

  send(stage: number, { kind, microBatch }: Operation, readyMs: number): void {
    const offset = receiverOffsets[kind];
    const receiver = stage + offset;
    if (receiver === stage || receiver < 0 || receiver >= this.stageCount) return;
    const link = `${offset} ${receiver}`;
    const arrivalMs = Math.max(readyMs, this.#freeMs.get(link) ?? 0) + this.transferMs[Math.min(stage, receiver)]!;
    this.#freeMs.set(link, arrivalMs);
    this.#arrivals.set(`${link} ${microBatch}`, arrivalMs);
  }
}

function checkDone(
  operations: readonly (readonly Operation[])[],
  stages: readonly (readonly OperationEvent[])[],
): void {
  const stage = stages.findIndex((events, index) => events.length < operations[index]!.length);
  if (stage < 0) return;
  const { kind, microBatch } = operations[stage]![stages[stage]!.length]!;
  throw new AppError('PIPELINE_STUCK', { stage, kind, microBatch });
}
