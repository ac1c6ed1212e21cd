import { splitStep } from '@bespoke/cloud/train/gpipe/idle-split.js';
import { type PipelineLayout, pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { type OperationEvent, simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import { checkTrace } from '@bespoke/cloud/train/gpipe/trace.js';
import { describe, expect, it } from 'vitest';

const layout: PipelineLayout = { schedule: '1f1b', remat: 'none', stageCount: 2, microBatchCount: 4 };

function record(of: PipelineLayout, forwardMs = [1, 1], transferMs = 0): OperationEvent[] {
  const durations = {
    forwardMs,
    backwardMs: forwardMs.map((ms) => 2 * ms),
    weightGradientMs: forwardMs,
    transferMs: [transferMs],
  };
  return simulate(pipelineOperations(of), durations).stages.flat();
}

/** The recorded events with the one of this name moved by `byMs`. */
const moved = (stage: number, kind: string, microBatch: number, byMs: number) =>
  record(layout).map((event) =>
    event.stage === stage && event.kind === kind && event.microBatch === microBatch
      ? { ...event, startMs: event.startMs + byMs, endMs: event.endMs + byMs }
      : event,
  );

describe('checkTrace', () => {
  it('is content with what keeps the schedule, in any order of events', () => {
    expect(checkTrace(record(layout).reverse(), layout)).toBeNull();
  });

  it('counts micro-batches held', () => {
    expect(checkTrace(record({ ...layout, schedule: 'gpipe' }), layout)).toBe(
      'stage 0: expected at most 2 micro-batches at once, but it held 4',
    );
  });

  it('holds zero-bubble to its order, and to what it may hold until the gradients of the weights are there', () => {
    const parted: PipelineLayout = { ...layout, schedule: 'zero-bubble' };
    expect(checkTrace(record(parted), parted)).toBeNull();
    const late = record(parted).map((event) =>
      event.kind === 'weightGradients' && event.microBatch === 0 ? { ...event, endMs: event.endMs + 9 } : event,
    );
    expect(checkTrace(late, parted)).toBe('stage 1: expected at most 3 micro-batches at once, but it held 4');
  });

  it('names the operation that is out of order or missing', () => {
    expect(checkTrace(moved(0, 'forward', 0, 1.5), layout)).toBe(
      'stage 0: expected forward of micro-batch 0 as operation 0, but it was forward of micro-batch 1',
    );
    expect(checkTrace(record(layout).slice(0, 7), layout)).toContain('but it was no operation');
  });

  it('names operations that overlap', () => {
    expect(checkTrace(moved(0, 'forward', 1, -0.5), layout)).toContain(
      'expected forward of micro-batch 1 to start after the end of forward of micro-batch 0 at 1 ms',
    );
  });

  it('names the operation that starts before its input is there', () => {
    expect(checkTrace(moved(1, 'forward', 0, -0.5), layout)).toBe(
      'stage 1: expected forward of micro-batch 0 to start after stage 0 had ended it at 1 ms, but it started at 0.5 ms',
    );
  });
});

describe('splitStep', () => {
  const gpipe: PipelineLayout = { ...layout, schedule: 'gpipe' };

  it('finds the bubble of the formula and nothing else where all is equal', () => {
    const shares = splitStep(record(gpipe), gpipe);
    expect(shares.busy).toBeCloseTo(4 / 5, 12);
    expect(shares.bubble).toBeCloseTo(1 / 5, 12);
    expect(shares.imbalance + shares.transport + shares.other).toBeCloseTo(0, 12);
  });

  it('finds the smaller bubble of zero-bubble', () => {
    const parted: PipelineLayout = { ...layout, schedule: 'zero-bubble' };
    const shares = splitStep(record(parted), parted);
    expect(shares.busy).toBeCloseTo(12 / 13, 12);
    expect(shares.bubble).toBeCloseTo(1 / 13, 12);
  });

  it('tells imbalance, transport and the rest apart, and they add up', () => {
    // 1:3 takes 4 + 3 * 3 ms forward, twice that backward: 39 of which each stage is busy 24 in the mean; balanced 30. Transfers of 0.5 add 1.
    const shares = splitStep(record(gpipe, [1, 3], 0.5), gpipe);
    expect(shares.busy).toBeCloseTo(24 / 40, 12);
    expect(shares.bubble).toBeCloseTo(6 / 40, 12);
    expect(shares.imbalance).toBeCloseTo(9 / 40, 12);
    expect(shares.transport).toBeCloseTo(1 / 40, 12);
    // A pause of 10 ms in the last operation but the transfers.
    const paused = record(gpipe, [1, 3], 0.5).map((event) =>
      event.stage === 0 && event.kind === 'backward' && event.microBatch === 3
        ? { ...event, startMs: event.startMs + 10, endMs: event.endMs + 10 }
        : event,
    );
    const late = splitStep(paused, gpipe);
    expect(late.other).toBeCloseTo(10 / 50, 12);
    expect(late.busy + late.bubble + late.imbalance + late.transport + late.other).toBeCloseTo(1, 12);
  });
});
