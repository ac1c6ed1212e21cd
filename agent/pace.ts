/**
 * Pace: how fast the device is at the moment, told by one small block that is timed between the samples of everything else.
 *
 * What slows a processor for seconds to minutes (another system on the same core of a host, a clock that heat or a neighbour holds down) outlasts every pass, and no
 * program sees it. But it slows a block between two samples as it slows them, so a sample is told as at the block's quietest:
 *
 *   look │ sample │ look │ sample │ look          told = sample x quietest / mean of the looks to both sides
 *
 * Looks within 3% of the quietest change nothing, which is their own unrest; from 6% all is taken out, and in between a part. How much it was is told with the measurement, and puts it in
 * doubt where it is much.
 */
import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { graphModelOf } from './graph-model.js';
import { fillInputs } from './inputs.js';
import type { Clock } from './measure.js';
import type { Runtime, Session } from './runtime/runtime.js';

/**
 * An MBConv block of 0.04 ms on one core of a desktop. Of four blocks that were tried it is slowed most like other workloads are; 5x5 depthwise convolutions are
 * slowed more than most (docs/adr/0008).
 */
export const referenceBlock: BlockWorkload = {
  kind: 'block',
  body: {
    kind: 'mbconv',
    outChannels: 32,
    expandRatio: 4,
    kernelSize: 3,
    stride: 1,
    activation: 'relu6',
    squeezeExcite: false,
  },
  inputShapes: [[14, 14, 32]],
  dtype: 'float32',
  batch: 1,
};

/** Timed in a look, after one that is not: the sample before has put the block out of the caches, and that run takes 1.1 to 1.8 times as long. */
const runCount = 3;
/** Where one run takes longer, looks would take more time than samples. */
const longestRunMs = 0.5;
/** The unrest of looks on a quiet device; from twice that on it is none. */
const unrestShare = 0.03;
/** The quietest of a pass is its looks' tenth: single ones scatter. */
const quietShare = 0.1;
/** Before the first pass of a job, and to decide whether a run takes too long: one look may be disturbed, and a process would do without the pace for as long as it lives. */
const firstLookCount = 20;
const warmUpCount = 40;

export class Pace {
  #looksMs: number[] = [];
  #quietestMs = Number.POSITIVE_INFINITY;
  #leastMs = Number.POSITIVE_INFINITY;

  private constructor(
    private readonly session: Session,
    private readonly clock: Clock,
  ) {}

  /** For a runtime that computes on the processor, since another is slowed by other things than what waits for it. Null where it takes too long. Throws what the runtime throws. */
  static async open(runtime: Runtime, clock: Clock): Promise<Pace | null> {
    const session = await runtime.load(graphModelOf(referenceBlock));
    fillInputs(session);
    await session.run(warmUpCount);
    const pace = new Pace(session, clock);
    for (let count = 0; count < firstLookCount; count++) if ((await pace.#lookMs()) <= longestRunMs) return pace;
    session.close();
    return null;
  }

  /** A job begins. `quietestMs`: what earlier ones found lately, if any did. */
  async begin(quietestMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#quietestMs = quietestMs;
    this.#leastMs = Number.POSITIVE_INFINITY;
    for (let count = 0; count < firstLookCount; count++) await this.slowness();
    this.endPass();
  }

  /** What one run of the block took at its quietest since the job began. */
  get leastMs(): number {
    return this.#leastMs;
  }

  /** Looks: how many times slower than at its quietest the device is at the moment; at least 1. */
  async slowness(): Promise<number> {
    const ms = await this.#lookMs();
    this.#looksMs.push(ms);
    const share = ms / this.#quietestMs - 1;
    return 1 + Math.max(0, Math.min(share, 2 * (share - unrestShare)));
  }

  /**
   * A pass ends: it may have been quieter than all before. Gives by which quietest it was told: that which was known before, or its own middle where that was less, for a
   * device is told to be no quicker than at its quietest.
   */
  endPass(): number {
    if (this.#looksMs.length === 0) return this.#quietestMs;
    const sorted = ascending(this.#looksMs);
    this.#looksMs = [];
    const toldByMs = Math.min(this.#quietestMs, quantile(sorted, 0.5));
    this.#leastMs = Math.min(this.#leastMs, quantile(sorted, quietShare));
    this.#quietestMs = Math.min(this.#quietestMs, this.#leastMs);
    return toldByMs;
  }

  /** Of one run; where the runtime answers later, with the wait for it. */
  async #lookMs(): Promise<number> {
    await this.session.run(1);
    const startMs = this.clock.nowMs();
    const pending = this.session.run(runCount);
    if (pending) await pending; // a runtime that is done has no turn of the event loop in its time
    return (this.clock.nowMs() - startMs) / runCount;
  }
}
