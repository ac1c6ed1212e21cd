import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { deriveWithin } from '@bespoke/cloud/search/proxyless/derive.js';
import { type ProxylessSearch, runProxyless } from '@bespoke/cloud/search/proxyless/search.js';
import { trainedPath, widestCandidates } from '@bespoke/cloud/search/proxyless/widen.js';
import { randomWithin } from '@bespoke/cloud/search/random.js';
import { architectureLearningRateFor } from '@bespoke/cloud/search/settings.js';
import { budgetAt as budgetAtFactor } from '@bespoke/cloud/search/space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { SearchPoint } from '@bespoke/shared/protocol/api.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PretendProblem, PretendSupernet, pathQuality } from './pretend-supernet.js';

const space = buildSpace({ preset: 'small' }, { height: 32, width: 32, channels: 3, classes: { length: 10 } });

/** So far between the fastest network (0) and the slowest (1). */
function budgetAt(fraction: number, latencyMs: readonly (readonly number[])[]): number {
  const [fastestMs, slowestMs] = [budgetAtFactor(0, latencyMs), budgetAtFactor(1, latencyMs)];
  return fastestMs + fraction * (slowestMs - fastestMs);
}

/** Bigger blocks are slower and mostly better, with luck in both, so that what is best for a budget is not obvious. */
function pretendProblem(seed: number): PretendProblem {
  const stream = randomStream(seed, 'pretend-problem');
  const latencyMs = space.slots.map((slot) =>
    slot.candidates.map((block) => {
      if (block.kind !== 'mbconv') return block.kind === 'identity' ? 0 : 0.1;
      return 0.05 * block.expandRatio * (1 + 0.12 * block.kernelSize) * (0.7 + 0.6 * stream.uniform());
    }),
  );
  const qualities = space.slots.map((slot) =>
    slot.candidates.map((block) => {
      if (block.kind !== 'mbconv') return 0;
      return 0.06 * Math.log2(block.expandRatio) + 0.0075 * (block.kernelSize - 3) + 0.03 * stream.normal();
    }),
  );
  return { qualities, latencyMs, noise: 0.1, seed };
}

function searchOf(problem: PretendProblem, budgetMs: number, mode: 'two' | 'full', stepCount = 800): ProxylessSearch {
  const warmupStepCount = Math.round(0.3 * stepCount);
  const architectureEvery = mode === 'full' ? 4 : 2;
  return {
    space,
    supernet: new PretendSupernet(problem),
    latencyMs: problem.latencyMs,
    fixedMs: 0,
    budgetMs,
    settings: {
      seed: problem.seed,
      stepCount,
      warmupStepCount,
      architectureEvery,
      mode,
      widens: false,
      architectureLearningRate: architectureLearningRateFor(mode, (stepCount - warmupStepCount) / architectureEvery),
      latencyLoss: { kind: 'lagrangian', damping: 4, ascent: 0.1 },
      leastBudgetShare: 0.9,
    },
  };
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'search-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('runProxyless', () => {
  it.each([
    ['full', 0.75],
    ['two', 0.65],
  ] as const)(
    'in %s mode finds networks within budget that take more than %f of the way from random to best',
    async (mode, least) => {
      const shares: number[] = [];
      for (const fraction of [0.3, 0.5]) {
        for (const seed of [1, 2, 3, 4]) {
          const problem = pretendProblem(seed);
          const { latencyMs, qualities } = problem;
          const budgetMs = budgetAt(fraction, latencyMs);
          const { path, predictedMs } = await runProxyless(searchOf(problem, budgetMs, mode));
          expect(predictedMs).toBeLessThanOrEqual(budgetMs);
          expect(predictedMs).toBeGreaterThanOrEqual(0.9 * budgetMs);
          const best = pathQuality(problem, deriveWithin(qualities, latencyMs, 0, budgetMs));
          const random = [...Array(20).keys()].map((draw) =>
            pathQuality(problem, randomWithin(space, latencyMs, 0, budgetMs, draw)),
          );
          const mean = random.reduce((sum, quality) => sum + quality, 0) / random.length;
          shares.push((pathQuality(problem, path) - mean) / (best - mean));
        }
      }
      expect(shares.reduce((sum, value) => sum + value, 0) / shares.length).toBeGreaterThan(least);
      expect(Math.min(...shares)).toBeGreaterThan(0.3);
    },
  );

  it('widens every second weight step where it is asked to, of the warm-up and after it, and nothing else', async () => {
    const trained = async (widens: boolean) => {
      const problem = pretendProblem(2);
      const search = searchOf(problem, budgetAt(0.4, problem.latencyMs), 'two', 40);
      const paths: (readonly number[])[] = [];
      const weightStep = search.supernet.weightStep.bind(search.supernet);
      search.supernet.weightStep = (path, step) => {
        paths.push(path);
        return weightStep(path, step);
      };
      // No step of the architecture parameters, so that both draw the same paths.
      await runProxyless({ ...search, settings: { ...search.settings, widens, architectureEvery: 1000 } });
      return paths;
    };
    const [drawn, widened] = [await trained(false), await trained(true)];
    const widest = widestCandidates(space);
    expect(widened).toEqual(drawn.map((path, step) => trainedPath(widest, path, step)));
    expect(widened.filter((path, step) => path.join() !== drawn[step]!.join())).toHaveLength(20);
  });

  it('brings expected latency to the budget', async () => {
    const problem = pretendProblem(1);
    const budgetMs = budgetAt(0.3, problem.latencyMs);
    const points: SearchPoint[] = [];
    await runProxyless({ ...searchOf(problem, budgetMs, 'full'), onPoint: (point) => points.push(point) });
    expect(points).toHaveLength(80);
    expect(points[0]).toMatchObject({ step: 10, stepCount: 800 });
    expect(points[0]!.expectedMs / budgetMs).toBeGreaterThan(1.2);
    expect(points.at(-1)!.expectedMs / budgetMs).toBeLessThan(1.06);
    expect(points.at(-1)!.expectedMs / budgetMs).toBeGreaterThan(0.9);
  });

  it.each([1, 17, 30, 31, 45, 60, 99])(
    'resumes after a stop in step %i to the same parameters, bit for bit',
    async (stopAt) => {
      const problem = pretendProblem(3);
      const budgetMs = budgetAt(0.4, problem.latencyMs);
      const whole = await runProxyless(searchOf(problem, budgetMs, 'two', 100));

      const controller = new AbortController();
      const supernet = new PretendSupernet(problem);
      const weightStep = supernet.weightStep.bind(supernet);
      supernet.weightStep = (path, step) => {
        if (step === stopAt) controller.abort(new Error('stopped'));
        return weightStep(path, step);
      };
      const checkpoint = { directory, everySteps: 15 };
      const first = { ...searchOf(problem, budgetMs, 'two', 100), checkpoint, supernet, signal: controller.signal };
      // Step 99 is the last: it is done before the signal is looked at again.
      if (stopAt < 99) await expect(runProxyless(first)).rejects.toThrow('stopped');
      else await runProxyless(first);

      const second = await runProxyless({ ...searchOf(problem, budgetMs, 'two', 100), checkpoint });
      expect(second.state).toEqual(whole.state);
      expect(second.path).toEqual(whole.path);
    },
  );

  it('resumes from the former checkpoint when killed between the weights and the state', async () => {
    const problem = pretendProblem(3);
    const budgetMs = budgetAt(0.4, problem.latencyMs);
    const whole = await runProxyless(searchOf(problem, budgetMs, 'full', 100));
    const checkpoint = { directory, everySteps: 40 };
    const supernet = new PretendSupernet(problem);
    const save = supernet.save.bind(supernet);
    supernet.save = async (to) => {
      await save(to);
      if (to.endsWith('supernet-80')) throw new Error('killed');
    };
    await expect(runProxyless({ ...searchOf(problem, budgetMs, 'full', 100), checkpoint, supernet })).rejects.toThrow(
      'killed',
    );
    expect((await readdir(directory)).sort()).toEqual(['search.json', 'supernet-40', 'supernet-80']);
    const second = await runProxyless({ ...searchOf(problem, budgetMs, 'full', 100), checkpoint });
    expect(second.state).toEqual(whole.state);
    expect((await readdir(directory)).sort()).toEqual(['search.json', 'supernet-100']);
  });

  it('refuses the checkpoint of another search', async () => {
    const problem = pretendProblem(3);
    const budgetMs = budgetAt(0.4, problem.latencyMs);
    const checkpoint = { directory, everySteps: 10 };
    await runProxyless({ ...searchOf(problem, budgetMs, 'two', 20), checkpoint });
    const other = runProxyless({ ...searchOf(problem, 1.1 * budgetMs, 'two', 20), checkpoint });
    await expect(other).rejects.toMatchObject({ code: 'SEARCH_CHECKPOINT_MISMATCH' });
  });

  it('refuses a budget below the fastest network and says the fastest, before any step', async () => {
    const problem = pretendProblem(1);
    const fastestMs = budgetAt(0, problem.latencyMs);
    const search = searchOf(problem, 0.9 * fastestMs, 'full');
    await expect(runProxyless(search)).rejects.toMatchObject({ code: 'BUDGET_TOO_SMALL', details: { fastestMs } });
  });

  it('refuses a missing latency', async () => {
    const problem = pretendProblem(1);
    const latencyMs = problem.latencyMs.map((row, slot) => (slot === 2 ? row.slice(1) : row));
    await expect(runProxyless({ ...searchOf(problem, 5, 'full'), latencyMs })).rejects.toThrow(
      'slot stage1-2: expected a latency of 0 ms or more for each candidate, but stage1-2.skip has none',
    );
  });

  it('stops when the loss is not finite', async () => {
    const search = searchOf(pretendProblem(1), 5, 'full');
    search.supernet.weightStep = async () => ({ loss: Number.NaN, accuracy: 0 });
    await expect(runProxyless(search)).rejects.toMatchObject({ code: 'SEARCH_DIVERGED', details: { step: 0 } });
  });
});
