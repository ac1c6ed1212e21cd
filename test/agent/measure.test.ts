import { type Clock, type MeasureSettings, measure as measureWith, type Run } from '@bespoke/agent/measure.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import { describe, expect, it } from 'vitest';

/** A clock that stands still but for what `run` takes: `costMs` says how long each run lasts. */
function simulate(
  costMs: (run: number) => number,
  tickMs = 1e-6,
): { clock: Clock; run: (count: number) => void; state: { nowMs: number; runCount: number } } {
  const state = { nowMs: 0, runCount: 0 };
  const clock = { tickMs, nowMs: () => Math.floor(state.nowMs / tickMs) * tickMs };
  const run = (count: number) => {
    for (let i = 0; i < count; i++) state.nowMs += costMs(state.runCount++);
  };
  return { clock, run, state };
}

const settings: MeasureSettings = {
  sampleMs: 1,
  warmupMs: { least: 60, most: 250 },
  stableShare: 0.02,
  sampleCount: { least: 40, most: 2000 },
  precisionShare: 0.02,
  samplingMs: { least: 200, most: 600 },
};
const measure = (run: Run, clock: Clock) => measureWith(run, clock, settings);

describe('measure', () => {
  it('batches quick runs into samples of a millisecond', async () => {
    const { clock, run } = simulate(() => 0.01);
    const { batchSize, samplesMs } = await measure(run, clock);
    expect(batchSize).toBe(100);
    for (const sampleMs of samplesMs) expect(sampleMs).toBeCloseTo(0.01, 6);
  });

  it('batches for a coarse clock: 200 ticks per sample', async () => {
    const { clock, run } = simulate(() => 0.5, 0.1);
    expect((await measure(run, clock)).batchSize).toBe(40);
  });

  it('takes out what slows the device, as it is told before and after each sample', async () => {
    // Now and then twice as slow, for 7 ms or so: a sample on the edge is slowed in part.
    const slowness = () => (Math.floor(simulated.state.nowMs / 7) % 3 === 0 ? 2 : 1);
    const simulated = simulate(() => 0.1 * slowness());
    const { samplesMs, slowness: middle } = await measureWith(simulated.run, simulated.clock, settings, slowness);
    const even = samplesMs.filter((ms) => Math.abs(ms - 0.1) < 1e-6);
    expect(even.length).toBeGreaterThan(0.8 * samplesMs.length);
    for (const ms of samplesMs) expect(ms).toBeLessThan(0.14);
    expect(middle).toBe(1);
    const steady = simulate(() => 0.3);
    const slowed = await measureWith(steady.run, steady.clock, settings, () => 1.5);
    expect(summarize(slowed.samplesMs).medianMs).toBeCloseTo(0.2, 6);
    expect(slowed.slowness).toBe(1.5);
  });

  it('does not count slow first runs', async () => {
    const { clock, run } = simulate((index) => (index < 10 ? 20 : 2));
    expect(Math.max(...(await measure(run, clock)).samplesMs)).toBeCloseTo(2, 6);
  });

  it('stops early when the median is known well, at the cap when it is not', async () => {
    const steady = simulate(() => 2);
    expect((await measure(steady.run, steady.clock)).samplesMs.length).toBe(100); // 200 ms, the least
    const wild = simulate((index) => 2 + (index % 7));
    await measure(wild.run, wild.clock);
    const { warmupMs, samplingMs } = settings;
    expect(wild.state.nowMs).toBeGreaterThan(samplingMs.most);
    expect(wild.state.nowMs).toBeLessThan(samplingMs.most + warmupMs.most + 50);
  });

  it('gives a median whose interval is within the precision asked when it stops early', async () => {
    const { clock, run } = simulate((index) => 1.5 + 0.1 * Math.sin(index * 1.7));
    const { medianMs, lowMs, highMs } = summarize((await measure(run, clock)).samplesMs);
    expect(Math.max(highMs - medianMs, medianMs - lowMs) / medianMs).toBeLessThanOrEqual(settings.precisionShare);
  });

  it('asks no more of samples than is known of what slows the device', async () => {
    const unsteady = (slowness: number) => {
      const simulated = simulate((index) => slowness * (1.5 + 0.2 * Math.sin(index * 1.7)));
      const told = measureWith(simulated.run, simulated.clock, settings, () => slowness);
      return told.then(({ samplesMs }) => samplesMs.length);
    };
    const [steady, slowed] = [await unsteady(1), await unsteady(1.5)];
    expect(slowed).toBeLessThan(steady / 2);
  });

  it('takes five samples of a model slower than the cap', async () => {
    const { clock, run } = simulate(() => 3000);
    expect((await measure(run, clock)).samplesMs).toEqual([3000, 3000, 3000, 3000, 3000]);
  });

  it('waits for a runtime that answers later', async () => {
    const { clock, run } = simulate(() => 0.3);
    const later = (count: number) => Promise.resolve().then(() => run(count));
    const { samplesMs, batchSize } = await measure(later, clock);
    expect(batchSize).toBe(4);
    for (const sampleMs of samplesMs) expect(sampleMs).toBeCloseTo(0.3, 6);
  });

  it('grows batches step by step where the first runs look like nothing', async () => {
    let longest = 0;
    const { clock, run } = simulate((index) => (index < 8 ? 0 : 0.01));
    const jumpy = (count: number) => {
      longest = Math.max(longest, count);
      run(count);
    };
    const { samplesMs } = await measure(jumpy, clock);
    expect(longest).toBe(100);
    for (const sampleMs of samplesMs) expect(sampleMs).toBeCloseTo(0.01, 6);
  });
});
