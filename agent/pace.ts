/**
 * Pace: how fast the device is at the moment, told by one small block that is timed between the samples of everything else.
 *
 * What slows a processor for seconds to minutes (another system on the same core of a host, a clock that heat or a neighbour holds down) outlasts every pass, and no
 * program sees it. But it slows a block between two samples as it slows them, so a sample is told as at the block's quietest:
 *
 *   look │ sample │ look │ sample │ look          told = sample x quietest / mean of the looks to both sides
 *
 * How much that was is told with the measurement, and puts it in doubt where it is much.
 */
import { median } from '@bespoke/shared/latency/statistics.js';
import type { Clock } from './measure.js';
import { openWarm } from './reference-block.js';
import type { Runtime, Session } from './runtime/runtime.js';
import type { PaceBy } from './runtime/runtimes.js';

/** Timed in a look, after one that is not: the sample before has put the block out of the caches, and that run takes 1.1 to 1.8 times as long. */
const runCount = 3;
/** Where one run takes longer, looks would take more time than samples. */
const longestRunMs = 0.5;
/** Before the first pass of a job, and to decide whether a run takes too long: one look may be disturbed, and a process would do without the pace for as long as it lives. */
const firstLookCount = 20;

export class Pace {
  #looksMs: number[] = [];
  #quietestMs = Number.POSITIVE_INFINITY;
  #leastMs = Number.POSITIVE_INFINITY;

  private constructor(
    private readonly session: Session,
    private readonly clock: Clock,
  ) {}

  /** By a runtime that answers at once. Null where it takes too long. Throws what the runtime throws. */
  static async open(runtime: Runtime, clock: Clock): Promise<Pace | null> {
    const pace = new Pace(await openWarm(runtime, clock), clock);
    let tells = false;
    try {
      for (let count = 0; count < firstLookCount && !tells; count++) tells = pace.#lookMs() <= longestRunMs;
    } finally {
      if (!tells) pace.session.close();
    }
    return tells ? pace : null;
  }

  /** A job begins. `quietestMs`: what earlier ones found lately, if any did. */
  begin(quietestMs = Number.POSITIVE_INFINITY): void {
    this.#quietestMs = quietestMs;
    this.#leastMs = Number.POSITIVE_INFINITY;
    for (let count = 0; count < firstLookCount; count++) this.slowness();
    this.endPass();
  }

  /** The least middle look of a pass since the job began. */
  get leastMs(): number {
    return this.#leastMs;
  }

  /** Looks: how many times slower than at its quietest the device is at the moment; at least 1. */
  slowness(): number {
    const ms = this.#lookMs();
    this.#looksMs.push(ms);
    return Math.max(1, ms / this.#quietestMs);
  }

  /**
   * A pass ends: it may have been quieter than all before, by its middle look; by the quickest, that which is usual on a quiet device would count as slow. Gives the quietest that is known
   * now: by it the pass was told, for one that was quieter was told as it is.
   */
  endPass(): number {
    if (this.#looksMs.length > 0) {
      const middleMs = median(this.#looksMs);
      this.#looksMs = [];
      this.#leastMs = Math.min(this.#leastMs, middleMs);
      this.#quietestMs = Math.min(this.#quietestMs, middleMs);
    }
    return this.#quietestMs;
  }

  /** Of one run. */
  #lookMs(): number {
    this.session.run(1);
    const startMs = this.clock.nowMs();
    this.session.run(runCount);
    return (this.clock.nowMs() - startMs) / runCount;
  }
}

/** Warms up the runtime, too, where another one tells. `gauge`: opens that. Null where nothing tells. Throws what the runtimes throw. */
export async function openPace(
  by: PaceBy,
  runtime: Runtime,
  gauge: () => Promise<Runtime>,
  clock: Clock,
): Promise<Pace | null> {
  const open: { readonly [P in PaceBy]: () => Promise<Pace | null> } = {
    itself: () => Pace.open(runtime, clock),
    processor: async () => {
      (await openWarm(runtime, clock)).close();
      return Pace.open(await gauge(), clock);
    },
    nobody: async () => null,
  };
  return open[by]();
}
