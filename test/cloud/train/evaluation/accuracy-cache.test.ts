import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccuracyCache } from '@bespoke/cloud/train/evaluation/accuracy-cache.js';
import { noStandards } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const scored = { zeroCostScore: 50, scoringSeconds: 0.5 };
const whole = { evaluation: { accuracy: 0.6, loss: 1, count: 100 }, probeAccuracy: 0.4, ...scored, seconds: 3.5 };
const ended = { evaluation: null, probeAccuracy: 0.2, ...scored, seconds: 1.5 };
const refused = { evaluation: null, probeAccuracy: null, ...scored, seconds: 0.5 };
const least = (probeAccuracy: number | null, zeroCostScore: number | null = null) => ({ probeAccuracy, zeroCostScore });

describe('AccuracyCache', () => {
  it('knows in another process what was learnt, half a line of a kill between', async () => {
    const path = join(temporaryFolder(), 'accuracies', 'way.jsonl');
    const first = await AccuracyCache.open(path);
    await first.set('a', whole);
    appendFileSync(path, '\n{"key":"b","evalu');
    const second = await AccuracyCache.open(path);
    await second.set('c', ended);
    const third = await AccuracyCache.open(path);
    expect(third.size).toBe(2);
    expect(third.get('a', noStandards)).toEqual(whole);
    expect(third.get('b', noStandards)).toBeUndefined();
  });

  it('answers as an evaluation with those exits would have', async () => {
    const cache = await AccuracyCache.open(join(temporaryFolder(), 'way.jsonl'));
    await cache.set('whole', whole);
    await cache.set('ended', ended);
    await cache.set('refused', refused);
    expect(cache.get('whole', least(0.5))).toEqual({ ...whole, evaluation: null, seconds: 1.5 });
    expect(cache.get('whole', least(0.3))).toEqual(whole);
    expect(cache.get('ended', least(0.3))).toEqual(ended);
    for (const name of ['whole', 'ended', 'refused']) {
      expect(cache.get(name, least(0.3, 60))).toEqual({ ...refused, evaluation: null });
    }
    // Nobody knows how it would have gone on.
    expect(cache.get('ended', least(0.1))).toBeUndefined();
    expect(cache.get('ended', noStandards)).toBeUndefined();
    expect(cache.get('refused', least(0.3, 40))).toBeUndefined();
  });
});
