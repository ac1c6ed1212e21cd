import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { choose } from '@bespoke/cloud/search/space.js';
import type { Engine } from '@bespoke/cloud/train/engine.js';
import { evaluateOnce, noStandards, type Standards } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { openTfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { tinyData, tinyRecipe, tinySpace } from '../tfjs/tiny.js';

const data = tinyData();
const network = choose(tinySpace, [0, 0, 2, 0]);
const task = (standards: Standards, stepCount = 12) => ({
  network,
  recipe: { ...tinyRecipe, stepCount, learningRate: 0.03, warmupStepCount: 0 },
  standards,
});

let engine: Engine;
beforeAll(async () => {
  engine = await openTfjsEngine();
});

describe('evaluateOnce', () => {
  it('scores, trains and judges', async () => {
    const evaluated = await evaluateOnce(engine, data, task(noStandards));
    expect(evaluated.evaluation!.count).toBe(32);
    expect(evaluated.probeAccuracy).toBeGreaterThan(0);
    expect(evaluated.zeroCostScore).toBe(await engine.zeroCostScore(lower(network), data, tinyRecipe.seed));
    expect(evaluated.scoringSeconds).toBeLessThan(evaluated.seconds);
  });

  it('does not train what scores too low', async () => {
    const evaluated = await evaluateOnce(engine, data, task({ zeroCostScore: 1e6, probeAccuracy: null }));
    expect(evaluated).toMatchObject({ evaluation: null, probeAccuracy: null });
    expect(evaluated.seconds).toBe(evaluated.scoringSeconds);
  });

  it('ends the training of what learns too slowly at a third of its steps', async () => {
    const evaluated = await evaluateOnce(engine, data, task({ zeroCostScore: null, probeAccuracy: 1.1 }));
    expect(evaluated.evaluation).toBeNull();
    expect(evaluated.probeAccuracy).toBeGreaterThan(0);
  });

  it('ends one whose probe is its last step, too', async () => {
    const { evaluation } = await evaluateOnce(engine, data, task({ zeroCostScore: null, probeAccuracy: 1.1 }, 1));
    expect(evaluation).toBeNull();
  });

  it('keeps the weights, and a child that begins with them is ahead of one that does not', async () => {
    const to = join(temporaryFolder(), 'weights', 'parent.safetensors');
    await evaluateOnce(engine, data, { ...task(noStandards, 40), weights: { from: null, to } });
    expect(existsSync(to)).toBe(true);
    const child = { ...task(noStandards, 2), weights: { from: to, to: `${to}.child` } };
    const [ahead, afresh] = [
      await evaluateOnce(engine, data, child),
      await evaluateOnce(engine, data, task(noStandards, 2)),
    ];
    expect(ahead.evaluation!.loss).toBeLessThan(afresh.evaluation!.loss - 0.1);
  });

  it('keeps no weights of a training that was ended', async () => {
    const to = join(temporaryFolder(), 'ended.safetensors');
    const standards = { zeroCostScore: null, probeAccuracy: 1.1 };
    await evaluateOnce(engine, data, { ...task(standards), weights: { from: null, to } });
    expect(existsSync(to)).toBe(false);
  });
});
