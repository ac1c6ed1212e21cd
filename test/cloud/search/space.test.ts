import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { randomWithin } from '@bespoke/cloud/search/random.js';
import {
  budgetAt,
  candidateName,
  choose,
  fastestPath,
  pathLatencyMs,
  priceSlots,
  type SearchSpace,
  samplePath,
  slotWorkloads,
  slowestPath,
  spaceSize,
} from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { workloadsOf } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const data = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const small = buildSpace({ preset: 'small' }, data);
/** As if latency were MACs. */
const macs = (workload: ReturnType<typeof workloadsOf>[number]) => {
  const [shape] = workload.inputShapes;
  const [height, width, channels] = shape as [number, number, number];
  const network = {
    version: 1,
    name: 'one',
    input: { height, width, channels },
    blocks: [{ ...workload.body, id: 'b' }],
  } as const;
  return countMacs(lower(network)) / 1e6;
};

describe('choose', () => {
  it('gives a network of the chosen candidates', () => {
    const network = choose(
      small,
      small.slots.map(() => 0),
      'first',
    );
    expect(network.name).toBe('first');
    expect(network.blocks.map(({ id }) => id).slice(0, 3)).toEqual(['stem.conv', 'stage1-1.k3-e3', 'stage1-2.k3-e3']);
    expect(lower(network).nodes.at(-1)!.shape).toEqual([10]);
  });

  it('refuses a candidate that is not there', () => {
    const indices = small.slots.map((_, slot) => (slot === 1 ? 6 : 0));
    expect(() => choose(small, indices)).toThrow('slot stage1-1: expected a candidate from 0 to 5, but got 6');
  });
});

describe('slotWorkloads', () => {
  it('gives the workloads that any network of the space has', () => {
    const all = slotWorkloads(small);
    for (let seed = 0; seed < 20; seed++) {
      const path = samplePath(small, randomStream(seed, 'space-test'));
      expect(workloadsOf(choose(small, path))).toEqual(path.map((candidate, slot) => all[slot]![candidate]));
    }
  });

  it('refuses a slot whose candidates give different shapes', () => {
    const conv = { kind: 'conv', kernelSize: 3, stride: 1, activation: 'relu' } as const;
    const space: SearchSpace = {
      name: 'uneven',
      input: { height: 8, width: 8, channels: 3 },
      slots: [
        {
          id: 's',
          candidates: [
            { ...conv, id: 's.a', outChannels: 4 },
            { ...conv, id: 's.b', outChannels: 8 },
          ],
        },
      ],
    };
    expect(() => slotWorkloads(space)).toThrow(
      'slot s: expected all candidates to give 8x8x4 as s.a does, but s.b gives 8x8x8',
    );
  });
});

describe('priceSlots', () => {
  const prices = priceSlots(small, macs);

  it('prices identities at 0 without asking', () => {
    expect(prices[2]!.at(-1)).toBe(0);
    expect(small.slots[2]!.candidates.at(-1)!.kind).toBe('identity');
  });

  it('adds up to whole networks', () => {
    const path = samplePath(small, randomStream(4, 'space-test'));
    expect(pathLatencyMs(path, prices, 0.5)).toBeCloseTo(0.5 + countMacs(lower(choose(small, path))) / 1e6, 9);
  });

  it('tells the fastest and the slowest network', () => {
    expect(fastestPath(prices)).toEqual([0, 0, 6, 6, 0, 6, 6, 0, 6, 6, 0, 0]);
    expect(slowestPath(prices)).toEqual([0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 0, 0]);
    expect(budgetAt(0, prices, 1)).toBe(pathLatencyMs(fastestPath(prices), prices, 1));
    expect(budgetAt(1, prices)).toBeCloseTo(pathLatencyMs(slowestPath(prices), prices), 9);
  });
});

describe('randomWithin', () => {
  const prices = priceSlots(small, macs);

  it('draws networks from 85% to 100% of the budget, the same for the same seed', () => {
    const budgetMs = budgetAt(0.4, prices);
    const paths = [1, 2, 3].map((seed) => randomWithin(small, prices, 0, budgetMs, seed));
    for (const path of paths) {
      const ms = pathLatencyMs(path, prices);
      expect(ms).toBeGreaterThanOrEqual(0.85 * budgetMs);
      expect(ms).toBeLessThanOrEqual(budgetMs);
    }
    expect(new Set(paths.map(String)).size).toBe(3);
    expect(randomWithin(small, prices, 0, budgetMs, 2)).toEqual(paths[1]);
  });

  it('gives up with the fastest network that it saw', () => {
    expect(() => randomWithin(small, prices, 0, 0.5, 1)).toThrow(
      /but none of 200000 was; the fastest seen takes \d+\.\d{3} ms/,
    );
  });
});

describe('spaceSize', () => {
  it('is the product of the slots', () => {
    expect(spaceSize(small)).toBe(6 ** 3 * 7 ** 6);
  });
});

describe('candidateName', () => {
  it('is the id without the slot', () => {
    expect(small.slots[2]!.candidates.map((candidate) => candidateName(small.slots[2]!, candidate))).toEqual([
      'k3 e3',
      'k5 e3',
      'k7 e3',
      'k3 e6',
      'k5 e6',
      'k7 e6',
      'skip',
    ]);
  });
});
