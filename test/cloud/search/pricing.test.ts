import { networkCounts } from '@bespoke/cloud/search/predictor.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { type Measure, type PricingOptions, priceSpace } from '@bespoke/cloud/search/pricing.js';
import { choose, pathLatencyMs, samplePath, slotWorkloads } from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import {
  type BlockWorkload,
  type GraphWorkload,
  graphOf,
  piecesOf,
  type Workload,
  workloadKey,
} from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';

const space = buildSpace({ preset: 'small' }, { height: 32, width: 32, channels: 3, classes: { length: 10 } });
const options: PricingOptions = { budget: { fraction: 0.4 }, seed: 0, counts: { fit: 30, heldOut: 10 } };

/** A block alone: 1 ms per million MACs and 0.05 ms. */
const blockMs = (workload: GraphWorkload) => countMacs(graphOf(workload)) / 1e6 + 0.05;

/** What blocks read, in MiB. */
const mibOf = (blocks: readonly BlockWorkload[]) =>
  blocks.flatMap(({ inputShapes }) => inputShapes).reduce((sum, shape) => sum + 4 * elementCount(shape), 0) / 2 ** 20;

/** A device whose networks take 1.2 times the sum of their blocks less 0.04 ms per block and 0.06 ms per MiB that they read. */
const pretend =
  (asked: Workload[] = [], networkDoubt: string | null = null): Measure =>
  async (workloads) => {
    asked.push(...workloads);
    return new Map(
      workloads.map((workload) => [
        workloadKey(workload),
        {
          medianMs: msOf(workload),
          lowMs: 0.1,
          highMs: 9,
          count: 30,
          doubt: workload.kind === 'network' ? networkDoubt : null,
        },
      ]),
    );
  };

function msOf(workload: Workload): number {
  if (workload.kind !== 'network') return blockMs(workload as GraphWorkload);
  const pieces = piecesOf(workload.network);
  const sumMs = pieces.reduce((sum, piece) => sum + blockMs(piece), 0);
  return 1.2 * sumMs - 0.04 * pieces.length - 0.06 * mibOf(pieces);
}

describe('priceSpace', () => {
  it('finds how blocks become networks, and prices every network exactly by a sum over slots', async () => {
    const { latencyMs, fixedMs, predictor } = await priceSpace(space, pretend(), options);
    expect(predictor.calibration.factor).toBeCloseTo(1.2, 6);
    expect(predictor.calibration.perPieceMs).toBeCloseTo(-0.04, 6);
    expect(predictor.calibration.perInputMiBMs).toBeCloseTo(-0.06, 6);
    const fixed = slotWorkloads(space).flatMap((row) => (row.length === 1 ? row : [])); // stem, features, head
    expect(fixedMs).toBeCloseTo(3 * -0.04 - 0.06 * mibOf(fixed), 6);
    const stream = randomStream(9, 'others');
    for (let network = 0; network < 5; network++) {
      const path = samplePath(space, stream);
      const workload: Workload = { kind: 'network', network: choose(space, path), dtype: 'float32', batch: 1 };
      expect(pathLatencyMs(path, latencyMs, fixedMs)).toBeCloseTo(msOf(workload), 6);
    }
  });

  it('measures distinct networks, and judges on those that the fit did not see', async () => {
    const asked: Workload[] = [];
    const { predictor } = await priceSpace(space, pretend(asked), options);
    const networks = asked.filter(({ kind }) => kind === 'network').map(workloadKey);
    expect([networks.length, new Set(networks).size]).toEqual([40, 40]);
    expect(predictor.space).toBe('small, 32x32x3');
    expect(predictor.points.filter(({ heldOut }) => heldOut)).toHaveLength(10);
    expect(predictor.holdOut).toMatchObject({ count: 10, spearman: 1, within10Share: 1 });
    expect(predictor.holdOut.meanError).toBeLessThan(1e-9);
    expect(predictor.points[0]).toMatchObject({ lowMs: 0.1, highMs: 9 });
  });

  it('says which of the measurements that it stands on are in doubt', async () => {
    const asked: Workload[] = [];
    const { doubts, measurementCount } = await priceSpace(space, pretend(asked, 'the hog stays'), options);
    expect(doubts).toEqual(Array(40).fill('the hog stays'));
    expect(measurementCount).toBe(asked.length);
  });

  it('never prices a choice under 0', async () => {
    // A device on which each block but the first costs nothing within a network.
    const measure: Measure = async (workloads) => {
      const table = await pretend()(workloads);
      return new Map([...table].map(([key, entry]) => [key, { ...entry, medianMs: Math.max(entry.medianMs, 0.2) }]));
    };
    const { latencyMs } = await priceSpace(space, measure, options);
    for (const price of latencyMs.flat()) expect(price).toBeGreaterThanOrEqual(0);
  });

  it('keeps identities free, and the budget between fastest and slowest', async () => {
    const { latencyMs, fastestMs, slowestMs, budgetMs } = await priceSpace(space, pretend(), options);
    expect(latencyMs[2]!.at(-1)).toBe(0);
    expect(budgetMs).toBeCloseTo(fastestMs * (slowestMs / fastestMs) ** 0.4, 9);
  });

  it('refuses a budget under the fastest network', async () => {
    await expect(priceSpace(space, pretend(), { ...options, budget: { ms: 0.01 } })).rejects.toMatchObject({
      code: 'BUDGET_TOO_SMALL',
    });
  });

  it('takes what there is of a space with few networks', async () => {
    const few = buildSpace(
      { preset: 'custom', stages: [{ width: 8, depth: 1, stride: 1 }], kernelSizes: [3, 5], expandRatios: [3] },
      { height: 8, width: 8, channels: 3, classes: { length: 2 } },
    );
    const { predictor } = await priceSpace(few, pretend(), options);
    expect(predictor.points).toHaveLength(2);
    expect(predictor.holdOut.count).toBe(1);
  });
});

describe('networkCounts', () => {
  it('measures a like share of 40 networks in a short study', () => {
    expect(networkCounts(null)).toEqual({ fit: 30, heldOut: 10 });
    expect(networkCounts(60)).toEqual({ fit: 30, heldOut: 10 });
    expect(networkCounts(5)).toEqual({ fit: 15, heldOut: 5 });
    expect(networkCounts(3)).toEqual({ fit: 9, heldOut: 3 });
    expect(networkCounts(0.5)).toEqual({ fit: 6, heldOut: 3 });
  });
});
