import { realVariation } from '@bespoke/cloud/search/evolution/real-variation.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const geneCount = 1000;
const unit = Array.from({ length: geneCount }, () => ({ low: 0, high: 1 }));

describe('realVariation', () => {
  it('samples within the bounds of each gene', () => {
    const variation = realVariation([
      { low: 0, high: 1 },
      { low: -5, high: -3 },
    ]);
    const stream = randomStream('sample');
    for (let round = 0; round < 100; round++) {
      const [a, b] = variation.sample(stream);
      expect(a! >= 0 && a! < 1 && b! >= -5 && b! < -3).toBe(true);
    }
  });

  it('crosses half the genes, half of these between the parents, and as many up as down', () => {
    const variation = realVariation(unit);
    const [first, second] = [unit.map(() => 0.45), unit.map(() => 0.55)];
    const stream = randomStream('cross');
    const crossed = Array.from({ length: 40 }, () => variation.breed(first, second, stream)).filter(({ operators }) =>
      operators.includes('crossover'),
    );
    expect(crossed.length / 40).toBeCloseTo(0.9, 0);
    const genes = crossed.flatMap(({ genotype }) => genotype);
    const part = (counts: (gene: number) => boolean) => genes.filter(counts).length / genes.length;
    expect(part((gene) => gene === 0.45)).toBeCloseTo(0.5, 1);
    expect(part((gene) => gene > 0.45 && gene < 0.55)).toBeCloseTo(0.25, 1);
    expect(part((gene) => gene < 0.45)).toBeCloseTo(0.125, 1);
    expect(part((gene) => gene > 0.55)).toBeCloseTo(0.125, 1);
  });

  it('mutates one gene on average, by 1 / (index + 2) of the range on average', () => {
    const variation = realVariation(unit);
    const middle = unit.map(() => 0.5);
    const stream = randomStream('mutate');
    const shifts = Array.from({ length: 2000 }, () => variation.breed(middle, middle, stream).genotype).flatMap(
      (genes) => genes.filter((gene) => gene !== 0.5).map((gene) => gene - 0.5),
    );
    expect(shifts.length / 2000).toBeCloseTo(0.9, 0);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(shifts.map(Math.abs))).toBeCloseTo(1 / 22, 2);
    expect(mean(shifts)).toBeCloseTo(0, 1);
  });

  it('never leaves the bounds', () => {
    const bounds = [
      { low: 0, high: 1e-3 },
      { low: -1, high: 1 },
    ];
    const variation = realVariation(bounds);
    const stream = randomStream('bounds');
    let [first, second]: (readonly number[])[] = [
      [0, 1],
      [1e-3, -1],
    ];
    for (let round = 0; round < 2000; round++) {
      const { genotype } = variation.breed(first!, second!, stream);
      genotype.forEach((gene, index) => {
        expect(gene >= bounds[index]!.low && gene <= bounds[index]!.high).toBe(true);
      });
      [first, second] = [second, genotype];
    }
  });
});
