import {
  clockCycles,
  liveCount,
  type PipelineLayout,
  pipelineOperations,
} from '@bespoke/cloud/train/gpipe/schedule.js';
import { simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import { checkTrace, peakLiveCounts } from '@bespoke/cloud/train/gpipe/trace.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const letters = { forward: 'F', recompute: 'R', backward: 'B', inputGradients: 'I', weightGradients: 'W' } as const;
const schedules = ['gpipe', '1f1b', 'zero-bubble'] as const;
const layouts = fc.record({
  schedule: fc.constantFrom(...schedules),
  remat: fc.constantFrom('none' as const, 'except-last' as const, 'always' as const),
  stageCount: fc.integer({ min: 1, max: 8 }),
  microBatchCount: fc.integer({ min: 1, max: 24 }),
});

/** Simulates with times that are the same on all stages. */
function run(layout: PipelineLayout, forward = 1, backward = 1, weightGradient = 0) {
  const same = (ms: number) => Array(layout.stageCount).fill(ms);
  return simulate(pipelineOperations(layout), {
    forwardMs: same(forward),
    backwardMs: same(backward),
    weightGradientMs: same(weightGradient),
    transferMs: same(0).slice(1),
  });
}

/** The drawing of schedule.ts: every operation takes one unit, and both gradients at once as many as alone. */
function draw(layout: PipelineLayout): string[] {
  const { stages, stepMs } = layout.schedule === 'zero-bubble' ? run(layout, 1, 2, 1) : run(layout);
  return stages.map((events) =>
    Array.from({ length: stepMs }, (_, ms) => {
      const event = events.find(({ startMs, endMs }) => startMs <= ms && ms < endMs);
      if (!event) return '. ';
      return event.startMs === ms ? `${letters[event.kind]}${event.microBatch}` : '--';
    })
      .join(' ')
      .trim(),
  );
}

describe('pipelineOperations', () => {
  const size = { stageCount: 3, microBatchCount: 4 };

  it('fills and drains in gpipe', () => {
    expect(draw({ schedule: 'gpipe', remat: 'none', ...size })).toEqual([
      'F0 F1 F2 F3 .  .  .  .  B0 B1 B2 B3',
      '.  F0 F1 F2 F3 .  .  B0 B1 B2 B3 .',
      '.  .  F0 F1 F2 F3 B0 B1 B2 B3 .  .',
    ]);
  });

  it('alternates in 1f1b', () => {
    expect(draw({ schedule: '1f1b', remat: 'none', ...size })).toEqual([
      'F0 F1 F2 .  .  B0 F3 B1 .  B2 .  B3',
      '.  F0 F1 .  B0 F2 B1 F3 B2 .  B3 .',
      '.  .  F0 B0 F1 B1 F2 B2 F3 B3 .  .',
    ]);
  });

  it('leaves the gradients of the weights for when nobody waits in zero-bubble', () => {
    expect(draw({ schedule: 'zero-bubble', remat: 'none', ...size })).toEqual([
      'F0 F1 F2 F3 .  B0 -- B1 -- B2 -- B3 -- .',
      '.  F0 F1 F2 I0 F3 I1 .  I2 W0 I3 W1 W2 W3',
      '.  .  F0 I0 F1 I1 F2 I2 F3 I3 W0 W1 W2 W3',
    ]);
  });

  it('computes again before the gradient arrives', () => {
    expect(draw({ schedule: 'gpipe', remat: 'always', ...size })).toEqual([
      'F0 F1 F2 F3 R0 .  .  .  .  B0 R1 B1 R2 B2 R3 B3',
      '.  F0 F1 F2 F3 R0 .  .  B0 R1 B1 R2 B2 R3 B3 .',
      '.  .  F0 F1 F2 F3 R0 B0 R1 B1 R2 B2 R3 B3 .  .',
    ]);
  });

  it('gives lists that run through, keep the checker content and hold as many micro-batches as said', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const events = run(layout).stages.flat();
        expect(checkTrace(events, layout)).toBeNull();
        expect(peakLiveCounts(events, layout.stageCount)).toEqual(
          Array.from({ length: layout.stageCount }, (_, stage) => liveCount(layout, stage)),
        );
      }),
    );
  });
});

describe('clockCycles', () => {
  it('runs (i, j) with i + j = k in cycle k', () => {
    const cycles = [...clockCycles(4, 3)].map((tasks) => tasks.map(({ microBatch, stage }) => `${microBatch}${stage}`));
    expect(cycles).toEqual([['00'], ['10', '01'], ['20', '11', '02'], ['30', '21', '12'], ['31', '22'], ['32']]);
  });
});

describe('simulate', () => {
  it('is idle for (K-1)/(M+K-1) in gpipe and 1f1b, and for less than half of that in zero-bubble', () => {
    fc.assert(
      fc.property(layouts, ({ stageCount: k, microBatchCount: m }) => {
        const idle = (schedule: PipelineLayout['schedule']) =>
          run({ schedule, remat: 'none', stageCount: k, microBatchCount: m }, 1, 2, 1).idleShare;
        for (const schedule of ['gpipe', '1f1b'] as const) expect(idle(schedule)).toBeCloseTo((k - 1) / (m + k - 1), 9);
        // One forward of each stage before is all that a stage waits for, from as many micro-batches on as keep it busy meanwhile.
        if (m >= 2 * k - 1) expect(idle('zero-bubble')).toBeCloseTo((k - 1) / (3 * m + k - 1), 9);
        expect(idle('zero-bubble')).toBeLessThanOrEqual(idle('gpipe') + 1e-9);
      }),
    );
  });

  it.each([
    ['none', 57],
    ['except-last', 72],
    ['always', 73],
  ] as const)('takes for K = 4, M = 16, f:b = 1:2 and remat %s %d', (remat, stepMs) => {
    expect(run({ schedule: 'gpipe', remat, stageCount: 4, microBatchCount: 16 }, 1, 2).stepMs).toBe(stepMs);
  });

  it('refuses operations that wait for each other', () => {
    const stuck = [[{ kind: 'backward', microBatch: 0 }], [{ kind: 'forward', microBatch: 0 }]] as const;
    expect(() =>
      simulate(stuck, { forwardMs: [1, 1], backwardMs: [1, 1], weightGradientMs: [0, 0], transferMs: [0] }),
    ).toThrow('on stage 0 the backward of micro-batch 0 waits for ever');
  });
});
