import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { graphOf, piecesOf } from '@bespoke/shared/latency/workload.js';
import { parseGenotype } from '@bespoke/shared/network/genotype.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { genotypes } from '@bespoke/shared/network/zoo/genotypes.js';
import { describe, expect, it } from 'vitest';
import { refusal } from '../../../shared/refusal.js';

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const open = (preset: Parameters<typeof resolveCells>[0]['preset']) => openCells(resolveCells({ preset }), shape);
const published = open('published');

describe('openCells', () => {
  it.each(['ea-net', 'eeea-a', 'eeea-b', 'eeea-c'] as const)(
    'encodes %s, and decodes it with its own concat',
    (name) => {
      const genes = published.encode(genotypes[name]);
      expect(published.isLegal(genes)).toBe(true);
      expect(published.genotype(genes)).toEqual(genotypes[name]);
    },
  );

  // Reference counts of the authors' code, 20 cells of 36 channels (2.9, 1.8, 1.8 and 3.6 M in the paper).
  it.each([
    ['ea-net', 2_925_046, 466_618_176],
    ['eeea-a', 1_769_230, 271_008_576],
    ['eeea-b', 1_870_318, 301_863_744],
    ['eeea-c', 3_513_358, 562_696_416],
  ] as const)('counts %s by table lookups exactly', (name, params, macs) => {
    const genes = published.encode(genotypes[name]);
    expect(published.additive((piece) => countParams(graphOf(piece)))(genes)).toBe(params);
    expect(published.additive((piece) => countMacs(graphOf(piece)))(genes)).toBe(macs);
  });

  it.each(['paper', 'paper-code', 'cells'] as const)('sums costs of preset %s as its networks have them', (preset) => {
    const space = open(preset);
    const stream = randomStream(3, 'cell-costs');
    const params = space.additive((piece) => countParams(graphOf(piece)));
    const pieceCount = space.additive(() => 1);
    for (let draw = 0; draw < 5; draw++) {
      const genes = drawGenes(space, stream);
      const network = space.decode(genes);
      expect(params(genes)).toBe(countParams(lower(network)));
      expect(pieceCount(genes)).toBe(piecesOf(network).length);
      expect(parseGenotype(space.genotype(genes))).toEqual(space.genotype(genes));
    }
  });

  it('asks the cost of each piece once', () => {
    const asked = new Map<string, number>();
    published.additive((piece) => {
      const key = JSON.stringify(piece);
      asked.set(key, (asked.get(key) ?? 0) + 1);
      return 0;
    });
    expect([...asked.values()].every((count) => count === 1)).toBe(true);
    expect(asked.size).toBeGreaterThan(80);
    expect(asked.size).toBeLessThan(130);
  });

  it('has cells read both of their inputs', () => {
    const [first] = [published.encode(genotypes['eeea-c'])];
    const blind = first!.map((gene, index) => (index % 2 === 1 && index < 20 && gene === 1 ? 0 : gene));
    expect(published.isLegal(blind)).toBe(false);
  });

  it('lets a step read every state before it, or as in the paper none right before it', () => {
    const statesOf = (preset: Parameters<typeof open>[0]) =>
      open(preset).valueCounts.filter((_, gene) => gene % 2 === 1);
    expect(statesOf('paper').slice(0, 8)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    expect(statesOf('cells').slice(0, 8)).toEqual([2, 2, 3, 3, 4, 4, 5, 5]);
  });

  it('draws every op', () => {
    const stream = randomStream(1, 'ops');
    const space = open('paper');
    const genes = Array.from({ length: 50 }, () => drawGenes(space, stream)).flat();
    const drawn = new Set(genes.filter((_, gene) => gene % 2 === 0));
    expect(drawn.size).toBe(9);
  });

  it('stands a smaller network in for evaluations', () => {
    const genes = published.encode(genotypes['eeea-b']);
    expect(published.decodeProxy(genes).blocks).toHaveLength(10);
    expect(countParams(lower(published.decodeProxy(genes)))).toBeLessThan(200_000);
  });

  it('refuses a genotype of another space', () => {
    expect(refusal(() => published.encode(genotypes['darts-v2']))).toBe(
      'GENOTYPE_OUTSIDE: expected a genotype of the space published, with 10 pairs in its normal cell, but got 8',
    );
  });
});
