import { eeeaOps, randomCellNetwork, randomGenotype, smallCells } from '@bespoke/cloud/search/eeea/random-genotype.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { piecesOf, workloadKey } from '@bespoke/shared/latency/workload.js';
import { parseGenotype } from '@bespoke/shared/network/genotype.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const draw = (count: number) => {
  const stream = randomStream(1, 'test-genotypes');
  return Array.from({ length: count }, () => randomGenotype(stream));
};

describe('randomGenotype', () => {
  it('gives legal genotypes that read the cell before and never the step before', () => {
    for (const genotype of draw(50)) {
      expect(parseGenotype(genotype)).toEqual(genotype);
      for (const pairs of [genotype.normal, genotype.reduce]) {
        expect(pairs).toHaveLength(8);
        expect(pairs.some(([, state]) => state === 1)).toBe(true);
        pairs.forEach(([, state], index) => {
          expect(state).toBeLessThanOrEqual(Math.floor(index / 2));
        });
      }
    }
  });

  it('uses every op', () => {
    const ops = new Set(draw(50).flatMap(({ normal, reduce }) => [...normal, ...reduce].map(([op]) => op)));
    expect([...ops].sort()).toEqual([...eeeaOps].sort());
  });
});

describe('randomCellNetwork', () => {
  it('lowers, and its pieces are few among many networks', () => {
    const stream = randomStream(2, 'test-genotypes');
    const networks = Array.from({ length: 30 }, () => randomCellNetwork(stream));
    for (const network of networks) expect(lower(network).outputs).toHaveLength(1);
    const pieces = networks.map(piecesOf);
    expect(Math.min(...pieces.map(({ length }) => length))).toBeGreaterThan(5 * smallCells.cells);
    expect(new Set(pieces.flat().map(workloadKey)).size).toBeLessThan(110);
  });
});
