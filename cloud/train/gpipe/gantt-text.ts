/**
 * ganttText: a recorded step as lines of text, a row for each stage and a column for each of equal parts of the step's time. `F2` begins the forward of micro-batch 2, R a
 * recomputation, B a backward; a line goes on to its end, a dot is idle. What is shorter than half a column is not seen.
 *
 *   stage 0  F0──F1──F2──F3──········B0──B1──B2──B3──
 *   stage 1  ····F0──F1──F2──F3──B0──B1──B2──B3──····
 */
import { ganttOf } from '@bespoke/shared/protocol/gantt.js';
import type { OperationKind } from './schedule.js';
import type { TraceEvent } from './stage-messages.js';

const letters: { readonly [K in OperationKind]: string } = {
  forward: 'F',
  recompute: 'R',
  backward: 'B',
  inputGradients: 'I',
  weightGradients: 'W',
};

/** `width`: characters of a line, its name included. */
export function ganttText(trace: readonly TraceEvent[], stageCount: number, width: number): string {
  const { rows, stepMs } = ganttOf(trace, stageCount);
  const nameWidth = `stage ${stageCount - 1}  `.length;
  const columnCount = Math.max(width - nameWidth, 1);
  const columnOf = (ms: number) => Math.round((ms / stepMs) * columnCount);
  return rows
    .map(({ stage, operations }) => {
      const cells = Array<string>(columnCount).fill('·');
      for (const { kind, microBatch, startMs, endMs } of operations) {
        const [first, end] = [columnOf(startMs), columnOf(endMs)];
        const bar = barOf(letters[kind as OperationKind], microBatch, end - first);
        cells.splice(first, end - first, ...bar);
      }
      return `stage ${stage}`.padEnd(nameWidth) + cells.join('');
    })
    .join('\n');
}

/** The number where all of it fits. */
function barOf(letter: string, microBatch: number, width: number): string {
  const label = `${letter}${microBatch}`;
  return (label.length <= width ? label : letter).padEnd(width, '─').slice(0, width);
}
