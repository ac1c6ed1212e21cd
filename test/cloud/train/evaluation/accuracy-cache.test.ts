import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccuracyCache } from '@bespoke/cloud/train/evaluation/accuracy-cache.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const whole = { evaluation: { accuracy: 0.6, loss: 1, count: 100 }, probeAccuracy: 0.4, seconds: 3 };
const ended = { evaluation: null, probeAccuracy: 0.2, seconds: 1 };

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
    expect(third.get('a', null)).toEqual(whole);
    expect(third.get('b', null)).toBeUndefined();
  });

  it('answers as a training with that exit would have', async () => {
    const cache = await AccuracyCache.open(join(temporaryFolder(), 'way.jsonl'));
    await cache.set('whole', whole);
    await cache.set('ended', ended);
    expect(cache.get('whole', 0.5)).toEqual({ ...whole, evaluation: null, seconds: 1 });
    expect(cache.get('whole', 0.3)).toEqual(whole);
    expect(cache.get('ended', 0.3)).toEqual(ended);
    // Nobody knows how it would have gone on.
    expect(cache.get('ended', 0.1)).toBeUndefined();
    expect(cache.get('ended', null)).toBeUndefined();
  });
});
