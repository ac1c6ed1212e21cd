/** Gantt: the spans of one step as a row for each stage, for whoever draws them: the dashboard in pixels, the terminal in letters. */
import type { PipelineSpan } from './pipeline.js';

export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

export interface GanttRow {
  readonly stage: number;
  /** In the order in which they ran. */
  readonly operations: readonly PipelineSpan[];
  readonly transfers: readonly PipelineSpan[];
  /** When no operation ran, from the step's start to its end. */
  readonly idle: readonly Interval[];
}

export interface Gantt {
  readonly rows: readonly GanttRow[];
  /** From the start of the first operation, 0, to the end of the last. */
  readonly stepMs: number;
}

const isOperation = ({ kind }: PipelineSpan): boolean => kind !== 'send' && kind !== 'recv';

/** `spans` in any order, on any clock that all stages share. Nothing ran where there is no operation: then the step takes 0 ms. */
export function ganttOf(spans: readonly PipelineSpan[], stageCount: number): Gantt {
  const operations = spans.filter(isOperation);
  if (operations.length === 0) return { rows: [], stepMs: 0 };
  const zeroMs = Math.min(...operations.map(({ startMs }) => startMs));
  const stepMs = Math.max(...operations.map(({ endMs }) => endMs)) - zeroMs;
  const ordered = spans
    .map((span) => ({ ...span, startMs: span.startMs - zeroMs, endMs: span.endMs - zeroMs }))
    .sort((a, b) => a.startMs - b.startMs);
  const rows = Array.from({ length: stageCount }, (_, stage) => {
    const own = ordered.filter((span) => span.stage === stage);
    const ran = own.filter(isOperation);
    return { stage, operations: ran, transfers: own.filter((span) => !isOperation(span)), idle: gaps(ran, stepMs) };
  });
  return { rows, stepMs };
}

function gaps(operations: readonly Interval[], stepMs: number): Interval[] {
  const starts = [...operations.map(({ startMs }) => startMs), stepMs];
  const ends = [0, ...operations.map(({ endMs }) => endMs)];
  return starts
    .map((endMs, index) => ({ startMs: ends[index]!, endMs }))
    .filter(({ startMs, endMs }) => endMs > startMs);
}
