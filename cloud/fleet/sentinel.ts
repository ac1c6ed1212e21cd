/**
 * Sentinel: one small workload (cloud/store/sentinel.ts), measured again and again, that tells whether a device is as it was. What is measured between
 * two sentinels is a block; a block whose sentinels differ is void.
 *
 *             sentinel                 20 jobs, or no job waits,
 *   opening ───────────▶ open ────────────────────────────────────▶ closing ──sentinel──▶ good | void
 *      │    (3 failed:     │ ▲     or the agent was away               │
 *      │  open without)    └─┘ job                                     └──3 failed, or the agent stays away──▶ void
 *      └────────────────────── no job, nothing measured ──▶ dropped
 *
 * The sentinel that closes a good block opens the next, if that begins at once. Pure: no clock, no store.
 */
import type { BlockState } from '../store/blocks.js';

export const maxJobCount = 20;
/** At one sentinel; those that take the agent down count, too. */
export const maxSentinelAttempts = 3;
/** Void blocks that a job goes through before it counts with a doubt, where the device is quiet at other times. */
export const maxRepeats = 2;
/** How long the sentinel that closed a block may have been ago to open the next. */
export const freshMs = 5000;
/** Blocks whose sentinels say what is usual. */
export const recentBlockCount = 8;

const maxDriftShare = 0.03;
/** By how much the sentinel may exceed its quietest of the recent blocks. */
const maxSlownessShare = 0.1;

/** What there is to know of a block to go on with it. */
export interface BlockView {
  readonly state: BlockState;
  readonly sentinelAttempts: number;
  /** Jobs handed out in it. */
  readonly jobCount: number;
  readonly hasMeasured: boolean;
  /** Its agent was away since it opened. */
  readonly interrupted: boolean;
}

/** What the device does next: measure, change the block first (open … give up), or rest. */
export type Step = 'begin' | 'sentinel' | 'openUnguarded' | 'job' | 'close' | 'drop' | 'giveUp' | 'rest';

/** `jobWaits`: one that the block may hold, or for no block, any. */
export function stepOf(block: BlockView | null, jobWaits: boolean): Step {
  if (!block) return jobWaits ? 'begin' : 'rest';
  const attemptsLeft = block.sentinelAttempts < maxSentinelAttempts;
  if (block.state === 'closing') return attemptsLeft ? 'sentinel' : 'giveUp';
  const goesOn = jobWaits && block.jobCount < maxJobCount && !block.interrupted;
  if (block.state === 'opening') {
    if (!jobWaits) return 'drop';
    return attemptsLeft ? 'sentinel' : 'openUnguarded';
  }
  if (goesOn) return 'job';
  return block.hasMeasured ? 'close' : 'drop';
}

/**
 * How often a job may go round again for void blocks. `wereVoid`: of the device's last blocks, in any order. Where most of them were void, a repeat would
 * meet what it is to avoid: jobs count at once, with their doubt, and that several of them agree, those campaigns see to that searches stand on.
 */
export function repeatsAfter(wereVoid: readonly boolean[]): number {
  const voidCount = wereVoid.filter(Boolean).length;
  return wereVoid.length >= recentBlockCount / 2 && voidCount > wereVoid.length / 2 ? 0 : maxRepeats;
}

export const abandoned = 'the agent left before the sentinel closed the block';
export const unguarded = 'the sentinel could not be measured';

/**
 * Why a block is void, in words; null where it is good. `recentMs`: what the sentinel took in the blocks before, in any
 * order: a hog that came before the block and stays shows in them.
 */
export function doubtOfBlock(openingMs: number | null, closingMs: number, recentMs: readonly number[]): string | null {
  if (openingMs === null) return unguarded;
  const drift = Math.max(openingMs, closingMs) / Math.min(openingMs, closingMs) - 1;
  if (drift > maxDriftShare)
    return `the sentinel took ${openingMs.toFixed(3)} ms before the block and ${closingMs.toFixed(3)} ms after it, ${percent(drift)} apart`;
  const slowness = openingMs / Math.min(openingMs, ...recentMs) - 1;
  if (slowness > maxSlownessShare)
    return `the device was slow: the sentinel took ${openingMs.toFixed(3)} ms, ${percent(slowness)} more than in quieter blocks before`;
  return null;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
