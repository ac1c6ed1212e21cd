import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { type Measure, priceSpace } from '@bespoke/cloud/search/pricing.js';
import type { LatencyEntry } from '@bespoke/shared/latency/table.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';

const space = buildSpace({ preset: 'small' }, { height: 32, width: 32, channels: 3, classes: { length: 10 } });

describe('priceSpace', () => {
  it('says which of the measurements that it stands on are in doubt', async () => {
    const seen = new Set<string>();
    const measure: Measure = async (workloads) => {
      const entries = workloads.map((workload): [string, LatencyEntry] => {
        const key = workloadKey(workload);
        seen.add(key);
        // Block i of a network of n blocks costs 1 ms, so that the sums come true; whole networks are in doubt.
        const isNetwork = workload.kind === 'network';
        const medianMs = isNetwork ? workload.network.blocks.filter(({ kind }) => kind !== 'identity').length : 1;
        const doubt = isNetwork ? 'the hog stays' : null;
        return [key, { medianMs, lowMs: medianMs, highMs: medianMs, count: 3, doubt }];
      });
      return new Map(entries);
    };
    const { doubts, measurementCount } = await priceSpace(space, measure, { fraction: 0.5 }, 0);
    expect(doubts).toEqual(Array(8).fill('the hog stays'));
    expect(measurementCount).toBeGreaterThanOrEqual(seen.size);
  });
});
