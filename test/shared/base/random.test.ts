import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const draw = (count: number, next: () => number) => Array.from({ length: count }, next);

describe('randomStream', () => {
  it('is a function of its key alone', () => {
    const [a, b] = [randomStream(7, 'gates', 500), randomStream(7, 'gates', 500)];
    b.permutation(3);
    randomStream(7, 'other').uniform();
    expect(draw(5, a.uniform)).not.toEqual(draw(5, b.uniform));
    expect(draw(5, randomStream(7, 'gates', 500).uniform)).toEqual(draw(5, randomStream(7, 'gates', 500).uniform));
    expect(randomStream(7, 'gates', 501).uniform()).not.toBe(randomStream(7, 'gates', 500).uniform());
  });

  it('draws uniform numbers from [0, 1)', () => {
    const numbers = draw(20_000, randomStream('uniform').uniform);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(numbers.reduce((sum, value) => sum + value, 0) / numbers.length).toBeCloseTo(0.5, 1);
  });

  it('draws normal numbers of mean 0 and variance 1', () => {
    const numbers = draw(20_000, randomStream('normal').normal);
    expect(numbers.reduce((sum, value) => sum + value, 0) / numbers.length).toBeCloseTo(0, 1);
    expect(numbers.reduce((sum, value) => sum + value * value, 0) / numbers.length).toBeCloseTo(1, 1);
  });

  it('chooses by weight and never a weight of zero', () => {
    const stream = randomStream('choice');
    const hits = [0, 0, 0, 0];
    for (let turn = 0; turn < 10_000; turn++) hits[stream.choice([1, 0, 3, 0])]! += 1;
    expect([hits[1], hits[3]]).toEqual([0, 0]);
    expect(hits[2]! / 10_000).toBeCloseTo(0.75, 1);
  });

  it('permutes', () => {
    const order = randomStream('permutation').permutation(50);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect([...order]).not.toEqual(Array.from({ length: 50 }, (_, index) => index));
  });
});
