/** Doubt: what is to be said of a number in a table of latencies before anyone stands on it. */
import { agree, type Reading } from '@bespoke/shared/latency/reading.js';

/** `provisional` until the sentinel closes the block; `doubtful` counts, but with its doubt; `void` counts only where nothing else is there. */
export const verdicts = ['good', 'doubtful', 'provisional', 'void'] as const;
export type Verdict = (typeof verdicts)[number];

/** How far the two quietest measurements of a workload may lie apart. */
export const agreementShare = 0.05;

/** The measurement that stands in the table, and its likes: those with the same verdict. */
export interface Standing extends Reading {
  readonly verdict: Verdict;
  /** What its block said. */
  readonly doubt: string | null;
  /** The second quietest of its likes; null where there is none. */
  readonly next: Reading | null;
  /** How many measurements there are of its likes. */
  readonly likes: number;
}

const sentences: { readonly [V in Verdict]: (doubt: string | null) => string | null } = {
  good: () => null,
  doubtful: (doubt) => doubt,
  provisional: () => 'provisional: the sentinel that closes its block is still to come',
  void: (doubt) => `not counted: ${doubt}`,
};

/** Why the number is in doubt, in words; null where nothing speaks against it. */
export function doubtOf(standing: Standing): string | null {
  const { verdict, doubt, next, likes } = standing;
  const disagreement = next && !agree(standing, next, agreementShare) ? differ(standing, next, likes) : null;
  const said = [sentences[verdict](doubt), disagreement].filter((sentence) => sentence !== null);
  return said.join('; ') || null;
}

function differ({ medianMs: a }: Reading, { medianMs: b }: Reading, likes: number): string {
  const share = Math.max(a, b) / Math.min(a, b) - 1;
  return `the two quietest of ${likes} measurements differ by ${(100 * share).toFixed(1)}%`;
}
