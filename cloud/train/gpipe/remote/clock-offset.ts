/**
 * ClockOffset: how far another host's monotonic clock is from this one's, from pings. The answer of the quickest ping was least delayed, and its error is half its round
 * trip at most. Two clocks drift apart by milliseconds in a minute, so only the latest pings count.
 */
const sampleCount = 40;

export class ClockOffset {
  /** The latest, oldest first. */
  readonly #samples: { readonly roundTripMs: number; readonly offsetMs: number }[] = [];

  /** A ping that left and whose answer came by this clock, and was seen by the other one in between. */
  add({ sentMs, otherMs, receivedMs }: { sentMs: number; otherMs: number; receivedMs: number }): void {
    this.#samples.push({ roundTripMs: receivedMs - sentMs, offsetMs: otherMs - (sentMs + receivedMs) / 2 });
    if (this.#samples.length > sampleCount) this.#samples.shift();
  }

  /** By this clock, what the other one says. After the first ping only. */
  toLocal(otherMs: number): number {
    const quickest = this.#samples.reduce((best, sample) => (sample.roundTripMs < best.roundTripMs ? sample : best));
    return otherMs - quickest.offsetMs;
  }
}
