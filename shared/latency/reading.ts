/**
 * Reading: a latency as it was measured on a device that was so many times slower than at its quietest (agent/pace.ts). What slowed it is taken out, by what slowed another workload: nearly right,
 * and the less of it there is, the nearer. So of several readings the one that took the least time counts, before anything was taken out.
 *
 *   told   │▒▒▒▒▒▒▒▒                  │▒▒▒▒▒▒▒▒▒
 *   took   │▒▒▒▒▒▒▒▒▒▒▒▒ slowed 1.5   │▒▒▒▒▒▒▒▒▒    counts, though the other is told shorter
 */
export interface Reading {
  /** What slowed the device is taken out. */
  readonly medianMs: number;
  /** How many times slower than at its quietest it was; at least 1. */
  readonly slowness: number;
}

/** The one that took the least time first; of equals the former. */
export function quietestFirst<R extends Reading>(readings: readonly R[]): R[] {
  return readings.toSorted((a, b) => tookMs(a) - tookMs(b));
}

export function tookMs({ medianMs, slowness }: Reading): number {
  return medianMs * slowness;
}

/** Whether the greater exceeds the lesser by no more than a share, beside what is not known of what was taken out. */
export function agree(a: Reading, b: Reading, share: number): boolean {
  const tolerance = share + slownessUncertainty(Math.max(a.slowness, b.slowness));
  return Math.max(a.medianMs, b.medianMs) <= Math.min(a.medianMs, b.medianMs) * (1 + tolerance);
}

/** Whether a reading is not what it was taken for, since the device has been quieter: what the block that tells took at its quietest as it was known then, and as it is known since. */
export function isOutdated(knownMs: number, sinceMs: number): boolean {
  return knownMs > sinceMs * outdatedRatio;
}

/** How what was told by one quietest of the device reads by another that was found since: the device was slower by as much as that is quieter, and each time that much longer than it would have been. */
export function retelling(knownMs: number, sinceMs: number) {
  const factor = sinceMs / knownMs;
  return { ms: (ms: number) => ms * factor, slowness: (slowness: number) => slowness / factor };
}

/** Less is not worth writing all samples anew. */
export const outdatedRatio = 1.01;

/** How long a quiet moment counts, at most: what a device reached while it was cold, it does not reach for ever. */
export const quietForMs = 600_000;

/**
 * How far off, as a share of a latency, what was taken out for a slow device may be: all of it up to 3%, since how slow it is, is known to that; and the block that tells may be slowed by more or less
 * than others, a tenth of the logarithm (docs/adr/0008). Nothing where nothing was taken out.
 */
export function slownessUncertainty(slowness: number): number {
  return Math.min(slowness - 1, 0.03) + 0.1 * Math.log(slowness);
}
