/** Doubt: what is to be said of a number in a table of latencies before anyone stands on it. */

/** `provisional` until the sentinel closes the block; `doubtful` counts, but with its doubt; `void` counts only where nothing else is there. */
export const verdicts = ['good', 'doubtful', 'provisional', 'void'] as const;
export type Verdict = (typeof verdicts)[number];

/** By how much the second quietest measurement of a workload may exceed the quietest. */
export const agreementShare = 0.05;

/** The measurement that stands in the table, and its likes: those with the same verdict. */
export interface Standing {
  readonly verdict: Verdict;
  /** What its block said. */
  readonly doubt: string | null;
  readonly medianMs: number;
  /** Of the second quietest of its likes; null where there is none. */
  readonly nextMs: number | null;
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
export function doubtOf({ verdict, doubt, medianMs, nextMs, likes }: Standing): string | null {
  const apart = nextMs === null ? 0 : nextMs / medianMs - 1;
  const disagreement =
    apart > agreementShare ? `the two quietest of ${likes} measurements differ by ${(100 * apart).toFixed(1)}%` : null;
  const said = [sentences[verdict](doubt), disagreement].filter((sentence) => sentence !== null);
  return said.join('; ') || null;
}
