import { stepAlphas } from '@bespoke/cloud/search/proxyless/architecture-step.js';
import { softmax } from '@bespoke/cloud/search/proxyless/gates.js';
import type { ProxylessSettings } from '@bespoke/cloud/search/proxyless/search.js';
import { initialState } from '@bespoke/cloud/search/proxyless/state.js';
import { describe, expect, it } from 'vitest';

const settings: ProxylessSettings = {
  seed: 0,
  stepCount: 10,
  warmupStepCount: 0,
  architectureEvery: 1,
  mode: 'two',
  widens: false,
  architectureLearningRate: 1e-3,
  latencyLoss: { kind: 'none' },
  leastBudgetShare: 0,
};
const latencyMs = [[6.27, 7.9, 10.21, 0]];
const gates = [{ candidates: [2, 0], active: 0 }];
const start = () => ({ ...initialState([4], 0), alphas: [[0.1, -0.2, 0.3, 0]] });

describe('stepAlphas', () => {
  it('moves the pair alone without a latency term: unsampled probabilities drift by 0', () => {
    const state = start();
    const before = softmax(state.alphas[0]!);
    stepAlphas({ latencyMs, fixedMs: 0, budgetMs: 5, settings }, state, gates, [[-0.4, 0.5]]);
    const after = softmax(state.alphas[0]!);
    expect(state.alphas[0]![1]).toBe(-0.2);
    expect(Math.abs(after[1]! - before[1]!)).toBeLessThanOrEqual(1e-12);
    expect(Math.abs(after[3]! - before[3]!)).toBeLessThanOrEqual(1e-12);
    expect(after[2]!).toBeGreaterThan(before[2]!);
    expect(after[0]!).toBeLessThan(before[0]!);
    // The test vector's step; Adam's first step does not depend on the size of the gradient.
    expect(Math.abs(state.alphas[0]![0]! - 0.0988998371)).toBeLessThanOrEqual(1e-9);
    expect(Math.abs(state.alphas[0]![2]! - 0.300899837)).toBeLessThanOrEqual(1e-9);
  });

  it('gives every candidate its latency gradient over budget, Zero and the unsampled included', () => {
    const state = start();
    const latencyLoss = { kind: 'linear', weight: 1 } as const;
    stepAlphas({ latencyMs, fixedMs: 0, budgetMs: 5, settings: { ...settings, latencyLoss } }, state, gates, [[0, 0]]);
    expect(state.alphas[0]![3]!).toBeGreaterThan(0);
    expect(state.alphas[0]![1]!).toBeLessThan(-0.2);
    expect(state.adam[0]!.stepCounts).toEqual([1, 1, 1, 1]);
  });

  it('raises the multiplier while expected latency is over budget', () => {
    const state = start();
    const latencyLoss = { kind: 'lagrangian', damping: 4, ascent: 0.1 } as const;
    stepAlphas({ latencyMs, fixedMs: 0, budgetMs: 5, settings: { ...settings, latencyLoss } }, state, gates, [[0, 0]]);
    expect(state.multiplier).toBeGreaterThan(0);
  });
});
