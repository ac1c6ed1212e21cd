import { type PlanRequest, planPipeline } from '@bespoke/cloud/train/gpipe/planner.js';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import { isAppError } from '@bespoke/shared/base/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const block = (forwardMs: number, index: number) => ({
  id: `block${index}`,
  forwardMs,
  backwardMs: 2 * forwardMs,
  weightGradientMs: forwardMs,
  parameterBytes: 400,
  savedBytes: 1000,
  boundaryBytes: 100,
});
const costsOf = (forwardMs: readonly number[], microBatchCount: number) => ({
  microBatchCount,
  inputBytes: 100,
  blocks: forwardMs.map(block),
});

function request(forwardMs: readonly number[], change: Partial<PlanRequest> = {}): PlanRequest {
  return {
    schedule: 'gpipe',
    remat: 'none',
    stageCount: 2,
    sampleCount: 64,
    candidates: [costsOf(forwardMs, 8)],
    transfer: { messageMs: 0, byteMs: 0 },
    optimizerBytesPerParameter: 4,
    memoryCapBytes: null,
    oneProcessStepMs: null,
    ...change,
  };
}

const repeat = (count: number, value: number) => Array<number>(count).fill(value);

/** The code and message of what a plan is refused with. */
function refusal(bad: PlanRequest): string {
  try {
    planPipeline(bad);
  } catch (error) {
    if (isAppError(error)) return `${error.code}: ${error.message}`;
  }
  return 'not refused';
}

describe('planPipeline', () => {
  // torchgpipe 0.0.7 cuts the first into 1200 | 200 and leaves a partition of the second empty.
  it.each([
    [[...repeat(10, 100), 200, 200], 2, 700],
    [[...repeat(8, 1000), 1001, 1001], 4, 3000],
  ])('balances where torchgpipe does not: %j into %d', (forwardMs, stageCount, bottleneckMs) => {
    const { partitions } = planPipeline(request(forwardMs, { stageCount }));
    expect(Math.max(...partitions.map((partition) => partition.forwardMs))).toBe(bottleneckMs);
    expect(Math.min(...partitions.map(({ blockCount }) => blockCount))).toBeGreaterThan(0);
  });

  it('predicts step, idle share and bytes', () => {
    const plan = planPipeline(request([1, 1, 1, 1]));
    expect(plan.stepMs).toBe(2 + 7 * 2 + 2 + 4 + 7 * 4 + 4);
    expect(plan.idleShare).toBeCloseTo(1 / 9, 9);
    // Two blocks: 800 bytes of weights, gradients and momentum each; 8 micro-batches of input, of saved activations and of what the first hands to the second.
    expect(plan.partitions.map(({ byteCount }) => byteCount)).toEqual([20_000, 20_000]);
  });

  it('minimises the time that the simulator gives to gpipe, transfers included', () => {
    const ms = fc.double({ min: 0.01, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(ms, { minLength: 3, maxLength: 8 }),
        ms,
        fc.integer({ min: 1, max: 9 }),
        (all, sendMs, m) => {
          const costs = costsOf(all, m);
          const transfer = { messageMs: sendMs, byteMs: 0 };
          const plan = planPipeline(request(all, { stageCount: 3, candidates: [costs], transfer }));
          const sum = (first: number, end: number) => all.slice(first, end).reduce((total, value) => total + value, 0);
          let least = Infinity;
          for (let a = 1; a < all.length - 1; a++) {
            for (let b = a + 1; b < all.length; b++) {
              const forwardMs = [sum(0, a), sum(a, b), sum(b, all.length)];
              const backwardMs = forwardMs.map((value) => 2 * value);
              const durations = { forwardMs, backwardMs, weightGradientMs: forwardMs, transferMs: [sendMs, sendMs] };
              least = Math.min(least, simulate(pipelineOperations(plan), durations).stepMs);
            }
          }
          expect(Math.abs(plan.stepMs / least - 1)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  it('takes the fastest number of micro-batches', () => {
    const candidates = [costsOf([8, 8], 1), costsOf([1, 1], 8), costsOf([0.9, 0.9], 16)] as const;
    expect(planPipeline(request([], { candidates })).microBatchCount).toBe(8);
  });

  it('cuts zero-bubble by the stage with most to do, which no cut makes shorter', () => {
    const ms = fc.double({ min: 0.01, max: 10, noNaN: true });
    fc.assert(
      fc.property(fc.array(ms, { minLength: 3, maxLength: 9 }), fc.integer({ min: 1, max: 24 }), (all, m) => {
        const plan = planPipeline(request(all, { schedule: 'zero-bubble', candidates: [costsOf(all, m)] }));
        const busiest = ([first, last]: readonly number[]) => m * 3 * Math.max(first!, last!) + Math.min(first!, last!);
        const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
        const cuts = all.slice(1).map((_, index) => [sum(all.slice(0, index + 1)), sum(all.slice(index + 1))]);
        const least = Math.min(...cuts.map(busiest));
        expect(busiest(plan.partitions.map(({ forwardMs }) => forwardMs)) / least).toBeCloseTo(1, 9);
        // Its own operations alone; before them a forward of the other stage, where that is the first.
        const ownMs = 3 * m * Math.max(...plan.partitions.map(({ forwardMs }) => forwardMs));
        expect(plan.stepMs).toBeGreaterThanOrEqual(ownMs * (1 - 1e-9));
      }),
    );
  });

  it('takes the fastest schedule, the one that holds less of two equal ones, and another where that does not fit', () => {
    const auto = (change: Partial<PlanRequest> = {}) =>
      planPipeline(request([1, 1, 1, 1], { schedule: 'auto', ...change }));
    expect(auto()).toMatchObject({ schedule: 'zero-bubble', stepMs: 2 + 8 * 6 });
    expect(auto({ stageCount: 1 }).schedule).toBe('zero-bubble');
    const least = planPipeline(request([1, 1, 1, 1], { schedule: '1f1b' }));
    const memoryCapBytes = Math.max(...least.partitions.map(({ byteCount }) => byteCount));
    expect(auto({ memoryCapBytes })).toMatchObject({ schedule: '1f1b', stepMs: least.stepMs });
    expect(refusal(request([1, 1, 1, 1], { schedule: 'auto', memoryCapBytes: 4000 }))).toContain('needs 6800 bytes');
  });

  it('says when one process or data parallel is predicted to be faster', () => {
    expect(planPipeline(request([1, 1])).fastest).toBe('data-parallel');
    expect(planPipeline(request([1, 1], { oneProcessStepMs: 5 })).fastest).toBe('one-process');
    const tight = planPipeline(request([1, 1], { memoryCapBytes: 11_000, oneProcessStepMs: 50 }));
    expect(tight.stepMsBy).toEqual({ pipeline: 27, 'one-process': 50, 'data-parallel': 4 * 6 });
    expect(
      planPipeline(request([1, 1], { memoryCapBytes: 11_000, transfer: { messageMs: 9, byteMs: 0 } })).fastest,
    ).toBe('data-parallel');
  });

  it('refuses what cannot be, with the reason', () => {
    expect(refusal(request([1], { stageCount: 2 }))).toContain(
      'partitions from 1 to 1, the number of blocks, but got 2',
    );
    expect(refusal(request([1, 1], { stageCount: 0 }))).toContain('PIPELINE_COUNT_INVALID');
    expect(refusal(request([1, 1], { sampleCount: 7 }))).toContain('micro-batches from 1 to 7');
    expect(refusal(request([], { candidates: [costsOf([1, 1], 0)] }))).toContain('PIPELINE_COUNT_INVALID');
    expect(refusal(request([1, Number.NaN]))).toContain('forwardMs of block block1, but got NaN');
    expect(refusal(request([1, 1], { memoryCapBytes: 9_999 }))).toMatch(
      /PIPELINE_MEMORY_EXCEEDED: .* 9999 bytes .* block block0 alone needs 10000 bytes; raise the cap/,
    );
    expect(refusal(request([1, 1, 1], { memoryCapBytes: 12_000 }))).toContain('the best cut into 2 needs 20000 bytes');
  });

  it('fits more under a cap by 1f1b and by recomputation', () => {
    const bytesBy = (change: Partial<PlanRequest>) =>
      planPipeline(request([1, 1, 1, 1], change)).partitions.map(({ byteCount }) => byteCount);
    expect(bytesBy({ schedule: '1f1b' })).toEqual([2 * 2200 + 2400, 2200 + 2400]);
    expect(bytesBy({ remat: 'always' })).toEqual(repeat(2, 2400 + 8 * 100 + 2100));
    expect(bytesBy({ remat: 'except-last' })).toEqual(repeat(2, 2400 + 8 * 100 + 4200));
  });
});
