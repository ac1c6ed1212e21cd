/**
 * GeneSpace: what evolution may vary. Genes are small integers in groups; what they mean is the space's business, so the same
 * evolution works on cells (cell-space.ts) and on chains of MBConv blocks (chain-space.ts).
 */
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import type { Genotype } from '@bespoke/shared/network/genotype.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { GeneGroup, Genes } from '../evolution/group-variation.js';

export type { Genes };

/** What a piece costs: parameters, MACs, milliseconds. */
export type PieceCost = (piece: BlockWorkload) => number;

export interface GeneSpace {
  /** With the input's size: `cells, 32x32x3`. */
  readonly name: string;
  /** Gene i is 0 to valueCounts[i] - 1. */
  readonly valueCounts: readonly number[];
  /** Genes that only mean something together, as an op and what it reads; variation takes them whole. */
  readonly groupSize: number;
  /** Whether the genes, each within its bounds, are a network that the space means. */
  isLegal(genes: Genes): boolean;
  /** Equal for genes whose networks differ in nothing but names and order. */
  key(genes: Genes): string;
  /** The cells that the genes stand for; null where they stand for none. */
  genotype(genes: Genes): Genotype | null;
  /** The network that is found: priced, measured, trained at the end. */
  decode(genes: Genes): Network;
  /** The smaller network that stands for it in evaluations; the same one where the space has no smaller. */
  decodeProxy(genes: Genes): Network;
  /** A cost that is the sum over a network's pieces, as a function of its genes: table lookups. `costOf` is asked once for each piece that some network has. */
  additive(costOf: PieceCost): (genes: Genes) => number;
}

/** The genes of each group: how many values each has. */
export function groupsOf({ valueCounts, groupSize }: Pick<GeneSpace, 'valueCounts' | 'groupSize'>): GeneGroup[] {
  const groupCount = valueCounts.length / groupSize;
  return Array.from({ length: groupCount }, (_, group) =>
    valueCounts.slice(group * groupSize, (group + 1) * groupSize),
  );
}

/** The cost, asked once for each piece: of pieces that are equal all but the first are known. */
export function onceEach(costOf: PieceCost): PieceCost {
  const costs = new Map<string, number>();
  return (piece) => {
    const key = JSON.stringify(piece);
    const known = costs.get(key);
    if (known !== undefined) return known;
    const cost = costOf(piece);
    costs.set(key, cost);
    return cost;
  };
}

/** Draws for legal genes before it gives up: a space in which one of a hundred draws is legal never gets near it. */
const maxTries = 10_000;

/** Genes drawn uniformly among the legal ones. */
export function drawGenes(space: GeneSpace, stream: RandomStream): number[] {
  for (let tries = 0; tries < maxTries; tries++) {
    const genes = space.valueCounts.map((count) => stream.integer(count));
    if (space.isLegal(genes)) return genes;
  }
  throw new Error(`no legal genes among ${maxTries} draws of space ${space.name}`);
}
