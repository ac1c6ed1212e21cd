/** A chain of slots (space.ts), as ProxylessNAS searches it, as genes: one per slot that has a choice, the index of its candidate. */
import type { Block } from '@bespoke/shared/network/block.js';
import { choose, priceSlots, type SearchSpace, spaceName } from '../space.js';
import { type GeneSpace, type Genes, onceEach } from './gene-space.js';

export interface ChainSpace extends GeneSpace {
  /** Candidate index of every slot, those without a choice among them. */
  path(genes: Genes): number[];
}

export function openChainSpace(space: SearchSpace): ChainSpace {
  const searched = space.slots.flatMap(({ candidates }, slot) => (candidates.length > 1 ? [slot] : []));
  const names = space.slots.map(({ candidates }) => candidates.map(nameOf));
  const path = (genes: Genes) => {
    const indices = space.slots.map(() => 0);
    searched.forEach((slot, gene) => {
      indices[slot] = genes[gene]!;
    });
    return indices;
  };
  const decode = (genes: Genes) => choose(space, path(genes));
  return {
    name: spaceName(space.name, space.input),
    valueCounts: searched.map((slot) => space.slots[slot]!.candidates.length),
    groupSize: 1,
    isLegal: () => true,
    key: (genes) =>
      path(genes)
        .map((index, slot) => names[slot]![index]!)
        .join(''),
    path,
    genotype: () => null,
    decode,
    decodeProxy: decode,
    additive(costOf) {
      const costs = priceSlots(space, onceEach(costOf));
      const fixed = costs.reduce((sum, row) => (row.length === 1 ? sum + row[0]! : sum), 0);
      return (genes) => searched.reduce((sum, slot, gene) => sum + costs[slot]![genes[gene]!]!, fixed);
    },
  };
}

/** What a block is, without its id. One that is left out leaves no trace: equal blocks in a row are the same network whichever slots hold them. */
function nameOf({ id, ...body }: Block): string {
  return body.kind === 'identity' ? '' : JSON.stringify(body);
}
