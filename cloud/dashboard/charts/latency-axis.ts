/** latencyAxis: an axis in milliseconds, linear over a short range and logarithmic over a long one, with round ticks. */

export interface LatencyAxis {
  readonly logarithmic: boolean;
  /** A latency's place on the axis. */
  readonly place: (ms: number) => number;
  /** The ends, as latencies. */
  readonly lowMs: number;
  readonly highMs: number;
  /** The latencies that have a label. */
  readonly ticksMs: readonly number[];
}

/** Greatest by least value beyond which a linear axis would crowd the small ones. */
const linearRatio = 5;

/** An axis that holds all values (positive) with a margin. */
export function latencyAxis(valuesMs: readonly number[]): LatencyAxis {
  const [least, most] = valuesMs.length === 0 ? [1, 2] : [Math.min(...valuesMs), Math.max(...valuesMs)];
  if (most / least > linearRatio) {
    const [lowMs, highMs] = [least / 1.2, most * 1.2];
    return { logarithmic: true, place: Math.log10, lowMs, highMs, ticksMs: logTicks(lowMs, highMs) };
  }
  const margin = Math.max(0.08 * (most - least), 0.02 * most);
  const [lowMs, highMs] = [Math.max(0, least - margin), most + margin];
  return { logarithmic: false, place: (ms) => ms, lowMs, highMs, ticksMs: linearTicks(lowMs, highMs) };
}

function logTicks(lowMs: number, highMs: number): number[] {
  const steps = highMs / lowMs > 30 ? [1, 2, 5] : [1, 1.5, 2, 3, 5, 7];
  const ticks: number[] = [];
  for (let decade = Math.floor(Math.log10(lowMs)); 10 ** decade <= highMs; decade++)
    for (const step of steps) ticks.push(Number((step * 10 ** decade).toPrecision(2)));
  return ticks.filter((tick) => tick >= lowMs && tick <= highMs);
}

/** Four to nine round values. */
function linearTicks(lowMs: number, highMs: number): number[] {
  const rough = (highMs - lowMs) / 5;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * decade).find((each) => each >= rough * 0.75)!;
  const first = Math.ceil(lowMs / step);
  const count = Math.floor(highMs / step) - first + 1;
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}
