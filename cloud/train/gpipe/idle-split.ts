/** Where the time of a recorded step went: idle time by its causes. */
import { median } from '@bespoke/shared/latency/statistics.js';
import { type PipelineLayout, pipelineOperations } from './schedule.js';
import { type OperationEvent, type StageDurations, simulate, summary } from './simulator.js';
import { byStage, operationTimes, sourceOf } from './trace.js';

/** Shares of K times the step's time; they add up to 1. */
export interface StepShares {
  readonly busy: number;
  /** What the schedule costs with stages that are all equal: (K-1)/(M+K-1) without recomputation, a little less with it, and much less with zero-bubble. */
  readonly bubble: number;
  /** What it costs more because stages differ. */
  readonly imbalance: number;
  /** What it costs more because messages take time. */
  readonly transport: number;
  /** The rest: operations that took longer than usual, waking up, other programs. */
  readonly other: number;
}

/**
 * Splits a step that keeps the schedule by simulating it three times with its own mean times: all stages equal, as they are, and with transfers. Each
 * part is what its cause adds; none is below 0 or more than is left.
 */
export function splitStep(events: readonly OperationEvent[], layout: PipelineLayout): StepShares {
  const stages = byStage(events, layout.stageCount);
  const operations = pipelineOperations(layout);
  const { stepMs, idleShare } = summary(stages);
  const still = { ...operationTimes(stages, mean), transferMs: stages.slice(1).map(() => 0) };
  const equal = {
    ...still,
    forwardMs: levelled(still.forwardMs),
    backwardMs: levelled(still.backwardMs),
    weightGradientMs: levelled(still.weightGradientMs),
  };
  const moving = { ...still, transferMs: transferTimes(stages) };
  let left = idleShare;
  let explainedMs = (1 - idleShare) * stepMs;
  const take = (durations: StageDurations): number => {
    const addedMs = simulate(operations, durations).stepMs - explainedMs;
    const share = Math.min(Math.max(addedMs / stepMs, 0), left);
    left -= share;
    explainedMs += share * stepMs;
    return share;
  };
  const [bubble, imbalance, transport] = [take(equal), take(still), take(moving)];
  return { busy: 1 - idleShare, bubble, imbalance, transport, other: left };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
/** Each as the mean of those that there are: a stage that computes all gradients at once has none of its weights alone. */
const levelled = (values: readonly number[]): readonly number[] => {
  const measured = values.filter((value) => value > 0);
  return values.map(() => (measured.length > 0 ? mean(measured) : 0));
};

/** By boundary, the median time from the end of an operation to the start of the one that waited for it. */
function transferTimes(stages: readonly (readonly OperationEvent[])[]): readonly number[] {
  const lagsMs: number[][] = stages.slice(1).map(() => []);
  for (const own of stages) {
    for (const [at, event] of own.entries()) {
      const source = sourceOf(event, stages);
      const hasWaited = source && source.endMs >= (own[at - 1]?.endMs ?? -Infinity);
      if (hasWaited) lagsMs[Math.min(source.stage, event.stage)]!.push(event.startMs - source.endMs);
    }
  }
  return lagsMs.map((lags) => (lags.length > 0 ? median(lags) : 0));
}
