import { derive, deriveWithin } from '@bespoke/cloud/search/proxyless/derive.js';
import { budgetAt, pathLatencyMs } from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const latencyMs = [[1, 2, 4], [1, 3], [0.5]];
const alphas = [[0, 1, 2], [0, 0.4], [3]];

describe('derive', () => {
  it('takes the most probable candidate of each slot, the first of equals', () => {
    expect(derive(alphas)).toEqual([2, 1, 0]);
    expect(derive([[1, 1]])).toEqual([0]);
  });
});

describe('deriveWithin', () => {
  it('is the argmax network where that keeps the budget', () => {
    expect(deriveWithin(alphas, latencyMs, 0.1, 7.6)).toEqual([2, 1, 0]);
  });

  it('is the most probable network within the budget otherwise', () => {
    expect(deriveWithin(alphas, latencyMs, 0.1, 7.5)).toEqual([2, 0, 0]);
    expect(deriveWithin(alphas, latencyMs, 0.1, 5.59)).toEqual([1, 0, 0]);
    expect(deriveWithin(alphas, latencyMs, 0.1, 2.6)).toEqual([0, 0, 0]);
  });

  it('uses the budget as far as is asked, if a network can', () => {
    expect(deriveWithin(alphas, latencyMs, 0.1, 6.5, 5.58)).toEqual([2, 0, 0]);
    expect(deriveWithin([[0, 1, -2], [0, 0.4], [3]], latencyMs, 0.1, 7.6, 0)).toEqual([1, 1, 0]);
    expect(deriveWithin([[0, 1, -2], [0, 0.4], [3]], latencyMs, 0.1, 7.6, 6.8)).toEqual([2, 1, 0]);
    expect(deriveWithin([[0, 1, -2], [0, 0.4], [3]], latencyMs, 0.1, 7.6, 7.61)).toEqual([1, 1, 0]);
  });

  it('agrees with trying every network', () => {
    for (let seed = 0; seed < 20; seed++) {
      const stream = randomStream(seed, 'derive-test');
      const sizes = [4, 3, 5, 2, 4];
      const prices = sizes.map((size) => Array.from({ length: size }, () => stream.uniform()));
      const scores = sizes.map((size) => Array.from({ length: size }, () => stream.normal()));
      const budgetMs = budgetAt(0.1 + 0.6 * stream.uniform(), prices);
      const path = deriveWithin(scores, prices, 0, budgetMs);
      const score = (choice: readonly number[]) => choice.reduce((sum, index, slot) => sum + scores[slot]![index]!, 0);
      const all = sizes.reduce<number[][]>(
        (paths, size) => paths.flatMap((p) => [...Array(size).keys()].map((i) => [...p, i])),
        [[]],
      );
      const best = Math.max(...all.filter((p) => pathLatencyMs(p, prices) <= budgetMs).map(score));
      expect(pathLatencyMs(path, prices)).toBeLessThanOrEqual(budgetMs);
      expect(score(path)).toBeCloseTo(best, 3);
    }
  });

  it('names the fastest network where the budget is below it', () => {
    expect(() => deriveWithin(alphas, latencyMs, 0.1, 2.5)).toThrow(
      'expected a budget of at least 2.600 ms, what the fastest network of the space takes, but got 2.5 ms; raise the budget or choose a smaller space',
    );
  });
});
