import { pipelineTelling, planView, stepView } from '@bespoke/cloud/search/pipeline-telling.js';
import type { StudyUpdate } from '@bespoke/cloud/search/study-ports.js';
import type { PipelineStep } from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import type { PipelineLayout } from '@bespoke/cloud/train/gpipe/schedule.js';
import { describe, expect, it } from 'vitest';
import { tinyNetwork, tinyPlan, traceOf } from '../../support/pipeline.js';

const layout: PipelineLayout = { schedule: 'gpipe', remat: 'none', stageCount: 2, microBatchCount: 4 };
const trace = traceOf(layout, { forwardMs: [1, 1], backwardMs: [2, 2], weightGradientMs: [1, 1], transferMs: [0.125] });
const stepMs = 15.25;
const step = (number: number, ms = stepMs): PipelineStep => ({
  step: number,
  stepCount: 100,
  loss: 1,
  accuracy: 0.5,
  stepMs: ms,
  trace,
});

/** Hooks whose clock the test moves, and what they told. */
function telling() {
  const told: StudyUpdate[] = [];
  const clock = { nowMs: 1000 };
  const trained: number[] = [];
  const ports = { tell: (update: StudyUpdate) => told.push(update), now: () => clock.nowMs };
  const hooks = pipelineTelling(tinyNetwork, 1000, ports, (each) => trained.push(each.step));
  const toldSteps = () => told.flatMap((update) => (update.type === 'pipelineStep' ? [update.step] : []));
  return { told, clock, trained, hooks, toldSteps };
}

describe('planView', () => {
  it('names the blocks of each stage, also those that compute nothing', () => {
    const { stages, capBytes, stepMsBy } = planView(tinyNetwork, tinyPlan, 1000);
    expect(stages.map(({ blocks }) => blocks)).toEqual([['stem', 'skipped'], ['head']]);
    expect([capBytes, stepMsBy]).toEqual([1000, tinyPlan.stepMsBy]);
  });
});

describe('stepView', () => {
  it('counts from the start of the step, by hundredths of a millisecond', () => {
    const { spans, shares } = stepView(step(7), layout, 16);
    expect(spans.find(({ stage, kind, microBatch }) => stage === 1 && kind === 'forward' && microBatch === 0)).toEqual({
      stage: 1,
      kind: 'forward',
      microBatch: 0,
      startMs: 1.13,
      endMs: 2.13,
    });
    expect(spans).toHaveLength(trace.length);
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(shares.busy).toBeCloseTo(24 / (2 * stepMs), 12);
  });
});

describe('pipelineTelling', () => {
  it('tells a plan at once, and says in the log what it is', () => {
    const { hooks, told } = telling();
    hooks.onPlan!(tinyPlan);
    expect(told).toEqual([
      { type: 'pipelinePlan', plan: planView(tinyNetwork, tinyPlan, 1000) },
      {
        type: 'log',
        line: expect.stringMatching(
          /^pipeline planned: 2 stages, cut before head; 2 micro-batches, schedule gpipe, remat none; predicted \d+\.\d ms a step, \d+% idle, [\d.]+ \| [\d.]+ MB$/,
        ),
      },
    ]);
  });

  it('hands every step on, and tells one in two seconds, with the median of all', () => {
    const { hooks, clock, trained, toldSteps } = telling();
    hooks.onPlan!({ ...tinyPlan, ...layout });
    for (const [number, ms] of [10, 30, 20].entries()) hooks.onStep!(step(number + 1, ms));
    clock.nowMs += 1999;
    hooks.onStep!(step(4, 40));
    clock.nowMs += 1;
    hooks.onStep!(step(5, 50));
    expect(trained).toEqual([1, 2, 3, 4, 5]);
    expect(toldSteps().map((each) => [each.step, each.medianStepMs])).toEqual([
      [1, 10],
      [5, 30],
    ]);
  });

  it('begins anew with a plan: its first step is told at once, and no other counts', () => {
    const { hooks, toldSteps } = telling();
    hooks.onPlan!({ ...tinyPlan, ...layout });
    hooks.onStep!(step(1, 10));
    hooks.onPlan!({ ...tinyPlan, ...layout, reason: 're-cut' });
    hooks.onStep!(step(2, 30));
    expect(toldSteps().map((each) => [each.step, each.medianStepMs])).toEqual([
      [1, 10],
      [2, 30],
    ]);
  });

  it('tells large steps less often', () => {
    const many = { ...layout, stageCount: 8, microBatchCount: 64 };
    const eight = (ms: number) => Array<number>(8).fill(ms);
    const large = traceOf(many, {
      forwardMs: eight(1),
      backwardMs: eight(2),
      weightGradientMs: eight(1),
      transferMs: eight(0.1).slice(1),
    });
    expect(large.length).toBeGreaterThan(2500);
    const { hooks, clock, toldSteps } = telling();
    hooks.onPlan!({ ...tinyPlan, ...many });
    for (const number of [1, 2]) {
      hooks.onStep!({ ...step(number), trace: large });
      clock.nowMs += 2500;
    }
    expect(toldSteps().map((each) => each.step)).toEqual([1]);
  });

  it('logs how far the measuring is, faults and notices', () => {
    const { hooks, told } = telling();
    hooks.onProfile!(0.2);
    hooks.onFault!({ stage: 1, how: 'ended by SIGKILL', noticedMs: 100, recoveredMs: 412.4, step: 8 });
    hooks.onNotice!('one process is predicted to be faster');
    expect(told).toEqual([
      { type: 'log', line: 'blocks measured for the plan of the pipeline: 20%' },
      { type: 'log', line: 'stage 1: ended by SIGKILL; back after 312 ms, going on after step 8' },
      { type: 'log', line: 'one process is predicted to be faster' },
    ]);
  });
});
