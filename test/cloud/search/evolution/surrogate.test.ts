import { Surrogate } from '@bespoke/cloud/search/evolution/surrogate.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { spearman } from '@bespoke/shared/latency/calibration.js';
import { describe, expect, it } from 'vitest';

const settings = { groupSize: 2, similarity: 0.9, noiseShare: 0.05 };

describe('Surrogate', () => {
  it('gives the mean before it was told anything that is alike', () => {
    const surrogate = new Surrogate([[0, 0, 0, 0]], [0.4], { ...settings, similarity: 0 });
    expect(surrogate.predict([1, 1, 1, 1])).toBe(0.4);
  });

  it('lies between the mean and what it was told, the nearer the less noise there is', () => {
    const told = [
      [0, 0, 0, 0],
      [1, 1, 1, 1],
    ];
    // k = [[1 + noise, 0.81], [0.81, 1 + noise]], values -1 and 1 about the mean 1.
    const predicted = (noiseShare: number) =>
      new Surrogate(told, [0, 2], { ...settings, noiseShare }).predict([0, 0, 0, 0]);
    expect(predicted(0)).toBeCloseTo(0, 9);
    expect(predicted(0.19)).toBeCloseTo(0.5, 9);
  });

  it('counts a group once, however many of its genes differ', () => {
    const surrogate = new Surrogate(
      [
        [0, 0, 0, 0],
        [2, 2, 2, 2],
      ],
      [0, 1],
      settings,
    );
    expect(surrogate.predict([1, 0, 0, 0])).toBeCloseTo(surrogate.predict([1, 1, 0, 0]), 12);
    expect(surrogate.predict([1, 0, 1, 0])).not.toBeCloseTo(surrogate.predict([1, 1, 0, 0]), 6);
  });

  it('ranks what it was not told, of values in which neighbouring groups matter together', () => {
    const stream = randomStream(0, 'surrogate');
    const draw = () => Array.from({ length: 12 }, () => stream.integer(3));
    const parts = new Map<string, number>();
    const value = (genes: number[]) => {
      let sum = 0;
      for (let start = 0; start < genes.length; start += 2) {
        const key = `${start}:${genes.slice(start, start + 4).join()}`;
        if (!parts.has(key)) parts.set(key, stream.normal());
        sum += parts.get(key)!;
      }
      return sum;
    };
    const [told, heldOut] = [Array.from({ length: 300 }, draw), Array.from({ length: 100 }, draw)];
    const surrogate = new Surrogate(told, told.map(value), settings);
    expect(
      spearman(
        heldOut.map((genes) => surrogate.predict(genes)),
        heldOut.map(value),
      ),
    ).toBeGreaterThan(0.4);
  });
});
