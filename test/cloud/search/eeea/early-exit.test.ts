import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { costQuantile, EarlyExit } from '@bespoke/cloud/search/eeea/early-exit.js';
import { paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { describe, expect, it } from 'vitest';

const paramsGate = { params: (genes: readonly number[]) => genes[0]!, below: 10 };
const latencyGate = { predictMs: (genes: readonly number[]) => genes[1]!, budgetMs: 100, marginShare: 0.1 };

describe('EarlyExit', () => {
  it('asks the cheapest gate first, and counts the one that refuses', () => {
    const gates = new EarlyExit({ params: paramsGate, latencies: [latencyGate] });
    expect(gates.admits([9, 100])).toBe(true);
    expect(gates.admits([10, 500])).toBe(false); // as many as the limit are too many
    expect(gates.admits([9, 500])).toBe(false);
    expect(gates.refusedCounts).toEqual({ params: 1, latency: 1 });
    expect(gates.fastestSeenMs).toBe(100);
  });

  it('refuses for latency only beyond what the prediction may be wrong by', () => {
    const gates = new EarlyExit({ params: null, latencies: [latencyGate] });
    expect(gates.admits([0, 111])).toBe(true);
    expect(gates.admits([0, 112])).toBe(false);
  });

  it('holds every device to its own budget', () => {
    const second = { predictMs: () => 3, budgetMs: 2, marginShare: 0 };
    const gates = new EarlyExit({ params: null, latencies: [latencyGate, second] });
    expect(gates.admits([0, 50])).toBe(false);
  });

  it('admits everything where there are no gates', () => {
    expect(new EarlyExit({ params: null, latencies: [] }).admits([1e9, 1e9])).toBe(true);
  });
});

describe('costQuantile', () => {
  const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
  const published = openCells(resolveCells({ preset: 'published' }), shape);

  // The authors' β of 3 M parameters passes 18.9% of their space, 4 M 79.8%, 5 M 99.7%: a fixed β says nothing.
  it.each([
    [0.189, 3e6],
    [0.798, 4e6],
  ])('finds the limit that %d of the published space stays below', (share, expected) => {
    const limit = costQuantile(published, paramsOf(published), share, 0);
    expect(Math.abs(limit / expected - 1)).toBeLessThan(0.05);
  });

  it('is the same for the same seed', () => {
    const cost = paramsOf(published);
    expect(costQuantile(published, cost, 0.5, 7)).toBe(costQuantile(published, cost, 0.5, 7));
  });
});
