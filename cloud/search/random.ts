/** Random networks of a given latency: the baseline that a search must beat. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { pathLatencyMs, type SearchSpace, samplePath } from './space.js';

/** Draws before it gives up; 200,000 take well under a second. */
const maxTries = 200_000;

/**
 * A network drawn uniformly among those whose predicted latency is within `range` of the budget, by default
 * 0.85 to 1.0: nearly as slow as is allowed, so that a search does not win by spending more time than its rivals.
 * Same seed, same network. Throws `SPACE_NONE_WITHIN` naming the fastest network that it saw.
 */
export function randomWithin(
  space: SearchSpace,
  latencyMs: readonly (readonly number[])[],
  fixedMs: number,
  budgetMs: number,
  seed: number,
  range: readonly [least: number, most: number] = [0.85, 1],
): number[] {
  const stream = randomStream(seed, 'random-network');
  const [lowMs, highMs] = [range[0] * budgetMs, range[1] * budgetMs];
  let fastestSeenMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < maxTries; tries++) {
    const path = samplePath(space, stream);
    const ms = pathLatencyMs(path, latencyMs, fixedMs);
    if (ms >= lowMs && ms <= highMs) return path;
    fastestSeenMs = Math.min(fastestSeenMs, ms);
  }
  throw new AppError('SPACE_NONE_WITHIN', { lowMs, highMs, tries: maxTries, fastestSeenMs });
}
