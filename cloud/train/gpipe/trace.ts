/** Recorded traces, held to the schedule. */
import {
  liveCount,
  type Operation,
  type OperationKind,
  type PipelineLayout,
  receiverOffsets,
  stageOperations,
} from './schedule.js';
import type { OperationEvent, StageDurations } from './simulator.js';
import type { TraceEvent } from './stage-messages.js';

/** The operations of a recorded step, without its transfers. */
export function operationsIn(trace: readonly TraceEvent[]): readonly OperationEvent[] {
  return trace.filter((event): event is OperationEvent & TraceEvent => event.kind !== 'send' && event.kind !== 'recv');
}

/**
 * The first way in which the events of a step (in any order) break the schedule, as a sentence; null where they keep it. In this order: more micro-batches held than
 * allowed, another order of operations, two at once on a stage, a start before the input was made.
 */
export function checkTrace(events: readonly OperationEvent[], layout: PipelineLayout): string | null {
  const stages = byStage(events, layout.stageCount);
  return (
    firstProblem(stages, (own, stage) => liveProblem(own, layout, stage)) ??
    firstProblem(stages, (own, stage) => orderProblem(own, stageOperations(layout, stage), stage)) ??
    firstProblem(stages, overlapProblem) ??
    firstProblem(stages, (own, stage) => inputProblem(own, stages, stage))
  );
}

/** The most micro-batches that each stage held between the start of their forward and the end of their backward. */
export function peakLiveCounts(events: readonly OperationEvent[], stageCount: number): readonly number[] {
  return byStage(events, stageCount).map((own) => {
    const changes = own
      .filter(({ kind }) => kind !== 'recompute' && kind !== 'inputGradients')
      .map(({ kind, startMs, endMs }) => (kind === 'forward' ? { ms: startMs, by: 1 } : { ms: endMs, by: -1 }));
    changes.sort((a, b) => a.ms - b.ms || a.by - b.by);
    let [live, peak] = [0, 0];
    for (const { by } of changes) {
      live += by;
      peak = Math.max(peak, live);
    }
    return peak;
  });
}

/** The events of each stage, in the order of their starts. */
export function byStage(events: readonly OperationEvent[], stageCount: number): readonly (readonly OperationEvent[])[] {
  const sorted = [...events].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  return Array.from({ length: stageCount }, (_, stage) => sorted.filter((event) => event.stage === stage));
}

/** What a forward (or its recomputation), a backward and its part for the weights took on each stage, in the `middle` of those that ran; 0 for the part where it did not run apart. */
export function operationTimes(
  stages: readonly (readonly OperationEvent[])[],
  middle: (timesMs: readonly number[]) => number,
): Omit<StageDurations, 'transferMs'> {
  const timesOf = (...kinds: readonly OperationKind[]) =>
    stages.map((own) => {
      const timesMs = own.filter(({ kind }) => kinds.includes(kind)).map(({ startMs, endMs }) => endMs - startMs);
      return timesMs.length > 0 ? middle(timesMs) : 0;
    });
  const weightGradientMs = timesOf('weightGradients');
  const upwardsMs = timesOf('backward', 'inputGradients');
  return {
    forwardMs: timesOf('forward', 'recompute'),
    backwardMs: upwardsMs.map((ms, stage) => ms + weightGradientMs[stage]!),
    weightGradientMs,
  };
}

function firstProblem(
  stages: readonly (readonly OperationEvent[])[],
  problemOf: (own: readonly OperationEvent[], stage: number) => string | null,
): string | null {
  for (const [stage, own] of stages.entries()) {
    const problem = problemOf(own, stage);
    if (problem !== null) return problem;
  }
  return null;
}

const name = (operation: Operation | undefined): string =>
  operation ? `${operation.kind} of micro-batch ${operation.microBatch}` : 'no operation';

function liveProblem(own: readonly OperationEvent[], layout: PipelineLayout, stage: number): string | null {
  const [peak, most] = [peakLiveCounts(own, layout.stageCount)[stage]!, liveCount(layout, stage)];
  return peak > most ? `stage ${stage}: expected at most ${most} micro-batches at once, but it held ${peak}` : null;
}

function orderProblem(own: readonly OperationEvent[], expected: readonly Operation[], stage: number): string | null {
  for (let at = 0; at < Math.max(own.length, expected.length); at++) {
    const [got, wanted] = [name(own[at]), name(expected[at])];
    if (got !== wanted) return `stage ${stage}: expected ${wanted} as operation ${at}, but it was ${got}`;
  }
  return null;
}

function overlapProblem(own: readonly OperationEvent[], stage: number): string | null {
  for (const [at, event] of own.entries()) {
    if (event.endMs < event.startMs)
      return `stage ${stage}: expected ${name(event)} to end after its start at ${event.startMs} ms, but it ended at ${event.endMs} ms`;
    const before = own[at - 1];
    if (before && event.startMs < before.endMs)
      return `stage ${stage}: expected ${name(event)} to start after the end of ${name(before)} at ${before.endMs} ms, but it started at ${event.startMs} ms`;
  }
  return null;
}

/** The operation of the neighbour that made the event's input; undefined where the stage has it itself. */
export function sourceOf(
  { stage, kind, microBatch }: OperationEvent,
  stages: readonly (readonly OperationEvent[])[],
): OperationEvent | undefined {
  const offset = receiverOffsets[kind];
  if (offset === 0) return undefined;
  return stages[stage - offset]?.find(
    (other) => receiverOffsets[other.kind] === offset && other.microBatch === microBatch,
  );
}

function inputProblem(
  own: readonly OperationEvent[],
  stages: readonly (readonly OperationEvent[])[],
  stage: number,
): string | null {
  for (const event of own) {
    const source = sourceOf(event, stages);
    if (source && event.startMs < source.endMs)
      return `stage ${stage}: expected ${name(event)} to start after stage ${source.stage} had ended it at ${source.endMs} ms, but it started at ${event.startMs} ms`;
  }
  return null;
}
