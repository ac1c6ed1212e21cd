import type { PipelineSettings } from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import {
  isOff,
  microBatchCounts,
  type PlanningInput,
  planTraining,
  replan,
  snapshotEvery,
} from '@bespoke/cloud/train/gpipe/planning.js';
import type { Profile } from '@bespoke/cloud/train/gpipe/profiler.js';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import { blocksOf } from '@bespoke/shared/graph/split.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { networks } from './local-pipeline.js';

const { network } = networks.mbconv; // blocks 0 1 (2: no nodes) 3 4 5
const settings: PipelineSettings = {
  stageCount: 2,
  microBatchCount: 4,
  schedule: 'gpipe',
  remat: 'none',
  memoryCapBytes: null,
  threadCount: 1,
};
const input: PlanningInput = { network, sampleCount: 10, optimizerBytesPerParameter: 4, settings };
const ids = blocksOf(lower(network));

function profileOf(forwardMs: readonly number[], microBatchCount = 4): Profile {
  const blocks = forwardMs.map((ms, index) => ({
    id: ids[index]!,
    forwardMs: ms,
    backwardMs: 2 * ms,
    weightGradientMs: ms,
    parameterBytes: 40,
    savedBytes: 100,
    boundaryBytes: 10,
  }));
  return {
    candidates: [{ microBatchCount, inputBytes: 10, blocks }],
    transfer: { messageMs: 0, byteMs: 0 },
    oneProcessStepMs: 1000,
  };
}

describe('microBatchCounts', () => {
  it('takes the one that is given, else multiples of K that leave two samples to each', () => {
    expect(microBatchCounts({ stageCount: 2, microBatchCount: 5 }, 64)).toEqual([5]);
    expect(microBatchCounts({ stageCount: 2, microBatchCount: 'auto' }, 64)).toEqual([2, 4, 8, 16]);
    expect(microBatchCounts({ stageCount: 3, microBatchCount: 'auto' }, 16)).toEqual([3, 6]);
    expect(microBatchCounts({ stageCount: 4, microBatchCount: 'auto' }, 6)).toEqual([3]);
    expect(microBatchCounts({ stageCount: 4, microBatchCount: 'auto' }, 1)).toEqual([1]);
  });
});

describe('planTraining', () => {
  it('says where to cut in blocks of the network, of which one has no nodes', () => {
    const plan = planTraining(input, profileOf([1, 1, 1, 1, 2]), 'measured');
    expect(plan.partitions.map(({ blockCount }) => blockCount)).toEqual([3, 2]);
    expect(plan.cuts).toEqual([4]);
    expect(plan.microBatchSizes).toEqual([3, 3, 2, 2]);
    expect(plan.reason).toBe('measured');
  });
});

describe('replan', () => {
  const planned = profileOf([1, 1, 1, 1, 2]);
  const plan = planTraining(input, planned, 'measured');
  /** A step in which the stages take so many times what was planned. */
  const stepOf = (factors: readonly number[]) =>
    simulate(pipelineOperations(plan), {
      forwardMs: plan.partitions.map(({ forwardMs }, stage) => forwardMs * factors[stage]!),
      backwardMs: plan.partitions.map(({ backwardMs }, stage) => backwardMs * factors[stage]!),
      weightGradientMs: plan.partitions.map(({ weightGradientMs }, stage) => weightGradientMs * factors[stage]!),
      transferMs: [0],
    });

  it('keeps a cut under which all stages are slower alike, however much', () => {
    const { stages, stepMs } = stepOf([3, 3]);
    expect(isOff(plan, stepMs)).toBe(true);
    expect(replan(input, planned, plan, stages.flat())).toBeNull();
    expect(isOff(plan, stepOf([1.05, 1.05]).stepMs)).toBe(false);
  });

  it('moves blocks away from a stage that is slower than planned', () => {
    const { stages, stepMs } = stepOf([3, 1]); // so its blocks take 3 3 3 | 1 2
    expect(isOff(plan, stepMs)).toBe(true);
    const better = replan(input, planned, plan, stages.flat())!;
    expect(better.plan.cuts).toEqual([3]);
    expect(better.plan.reason).toBe('re-cut');
    expect(better.plan.stepMs).toBeLessThan(stepMs);
    const corrected = better.profile.candidates[0].blocks.map(({ forwardMs }) => forwardMs);
    for (const [index, expected] of [3, 3, 3, 1, 2].entries()) expect(corrected[index]).toBeCloseTo(expected, 9);
  });
});

describe('snapshotEvery', () => {
  it('never leaves more than a second to be replayed', () => {
    for (const [stepMs, count] of [
      [0.3, 3333],
      [130, 7],
      [200, 5],
      [501, 1],
      [3000, 1],
    ])
      expect(snapshotEvery({ stepMs: stepMs! })).toBe(count);
  });
});
