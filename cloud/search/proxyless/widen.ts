/**
 * Widening: every second weight step trains its path with each block at its largest expansion.
 *
 *   channels of expansion 6   ├─ trained by expansions 3 and 6 ─┼─ trained by 6 alone ─┤
 *
 * Where candidates share weights (train/tfjs/shared-weights.ts), whichever expansion is drawn trains the channels of the smallest, and the rest is trained by the larger ones only:
 * half as often as they were drawn fairly, and then the search thinks less of them than they are worth and draws them less. The step that trains the widest
 * network beside the drawn one is of slimmable networks (arXiv 1903.05134, the sandwich rule).
 */
import type { Block } from '@bespoke/shared/network/block.js';
import type { SearchSpace } from '../space.js';

/** For each candidate the one of its slot that differs by nothing but the largest expansion, [slot][candidate]. */
export function widestCandidates({ slots }: Pick<SearchSpace, 'slots'>): number[][] {
  return slots.map(({ candidates }) => {
    const widest = new Map<string, number>();
    candidates.forEach((candidate, index) => {
      const best = widest.get(withoutExpansion(candidate));
      if (best === undefined || expansionOf(candidate) > expansionOf(candidates[best]!))
        widest.set(withoutExpansion(candidate), index);
    });
    return candidates.map((candidate) => widest.get(withoutExpansion(candidate))!);
  });
}

/** What a weight step trains, from what was drawn for it: the same where `widens` is false. To be made once for a search. */
export function trainedPaths(
  space: SearchSpace,
  widens: boolean,
): (drawn: readonly number[], step: number) => readonly number[] {
  if (!widens) return (drawn) => drawn;
  const widest = widestCandidates(space);
  return (drawn, step) => trainedPath(widest, drawn, step);
}

/** What weight step `step` trains where `drawn` was drawn for it and it widens; `widest` as `widestCandidates` gives it. */
export function trainedPath(widest: readonly (readonly number[])[], drawn: readonly number[], step: number): number[] {
  return drawn.map((candidate, slot) => (step % 2 === 1 ? widest[slot]![candidate]! : candidate));
}

function expansionOf(block: Block): number {
  return block.kind === 'mbconv' ? block.expandRatio : 0;
}

function withoutExpansion(block: Block): string {
  return JSON.stringify({ ...block, id: null, expandRatio: null });
}
