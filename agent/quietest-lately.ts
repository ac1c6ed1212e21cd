/**
 * QuietestLately: the least of the last five to ten minutes. What a device reached while it was cold does not count for ever, and one quiet pass in minutes is
 * enough.
 *
 *   │ period before │ this period ··· now        the least of both
 */
import { quietForMs } from '@bespoke/shared/latency/reading.js';

const periodMs = quietForMs / 2;

export class QuietestLately {
  #startMs = Number.NEGATIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  #least = Number.POSITIVE_INFINITY;

  note(ms: number, nowMs: number): void {
    this.#turn(nowMs);
    this.#least = Math.min(this.#least, ms);
  }

  /** Undefined where nothing was noted lately. */
  at(nowMs: number): number | undefined {
    this.#turn(nowMs);
    const ms = Math.min(this.#before, this.#least);
    return Number.isFinite(ms) ? ms : undefined;
  }

  #turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < periodMs) return;
    this.#before = elapsedMs < 2 * periodMs ? this.#least : Number.POSITIVE_INFINITY;
    this.#least = Number.POSITIVE_INFINITY;
    this.#startMs = Number.isFinite(elapsedMs) ? nowMs - (elapsedMs % periodMs) : nowMs;
  }
}
