import { ganttOf } from '@bespoke/shared/protocol/gantt.js';
import type { PipelineSpan } from '@bespoke/shared/protocol/pipeline.js';
import { describe, expect, it } from 'vitest';

const span = (
  stage: number,
  kind: PipelineSpan['kind'],
  microBatch: number,
  startMs: number,
  endMs: number,
): PipelineSpan => ({ stage, kind, microBatch, startMs, endMs });

describe('ganttOf', () => {
  // A clock that began long ago, events in the order of their ends.
  const spans = [
    span(0, 'forward', 0, 1000, 1002),
    span(1, 'recv', 0, 1002, 1003),
    span(0, 'send', 0, 1002, 1003),
    span(1, 'forward', 0, 1003, 1005),
    span(1, 'backward', 0, 1005, 1009),
    span(1, 'send', 0, 1009, 1010.5),
    span(0, 'backward', 0, 1010, 1012),
  ];

  it('begins with the first operation and ends with the last', () => {
    const { rows, stepMs } = ganttOf(spans, 2);
    expect(stepMs).toBe(12);
    expect(rows.map(({ stage }) => stage)).toEqual([0, 1]);
    expect(rows[1]!.operations).toEqual([span(1, 'forward', 0, 3, 5), span(1, 'backward', 0, 5, 9)]);
  });

  it('keeps transfers apart: they are no work of a stage', () => {
    const [, last] = ganttOf(spans, 2).rows;
    expect(last!.transfers).toEqual([span(1, 'recv', 0, 2, 3), span(1, 'send', 0, 9, 10.5)]);
  });

  it('has idle time before, between and after operations, and none where they touch', () => {
    const [first, last] = ganttOf(spans, 2).rows;
    expect(first!.idle).toEqual([{ startMs: 2, endMs: 10 }]);
    expect(last!.idle).toEqual([
      { startMs: 0, endMs: 3 },
      { startMs: 9, endMs: 12 },
    ]);
  });

  it('has no rows where nothing ran', () => {
    expect(ganttOf([span(0, 'send', 0, 1, 2)], 1)).toEqual({ rows: [], stepMs: 0 });
  });
});
