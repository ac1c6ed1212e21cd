import {
  type MeasurementSuccess,
  maxLogLength,
  measurementOutcomeSchema,
  retold,
  samplesOfPasses,
} from '@bespoke/shared/latency/measurement.js';
import { describe, expect, it } from 'vitest';

const success: MeasurementSuccess = {
  ok: true,
  samplesMs: [1.5, 1.25, 1.5],
  uncountedMs: [2.5, 3],
  passes: [
    { counted: true, sampleCount: 2 },
    { counted: false, sampleCount: 2, slowness: 1.6 },
    { counted: true, sampleCount: 1 },
  ],
  overheadMs: 0.01,
  batchSize: 1,
  runtime: { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' },
  host: {
    loadAverage: 0.5,
    waitedShare: 0.02,
    slowness: 1.3,
    quietestMs: 0.034,
    frequencyBeforeMhz: null,
    frequencyAfterMhz: 2400,
    governor: 'performance',
    temperatureC: -4,
    throttled: false,
    batteryPercent: 80,
    charging: true,
  },
};
const accepts = (outcome: unknown) => measurementOutcomeSchema.safeParse(outcome).success;

describe('measurementOutcomeSchema', () => {
  it('takes successes and failures as they are', () => {
    expect(measurementOutcomeSchema.parse(success)).toEqual(success);
    const failure = { ok: false, reason: 'timeout', log: '' };
    expect(measurementOutcomeSchema.parse(failure)).toEqual(failure);
  });

  it('refuses samples that are no time, none, or too many', () => {
    for (const samplesMs of [[], [0], [-1], [Number.NaN], new Array(2001).fill(1)]) {
      const passes = [{ counted: true, sampleCount: samplesMs.length }];
      expect(accepts({ ...success, samplesMs, uncountedMs: [], passes })).toBe(false);
    }
    for (const list of [undefined, null, '11', { length: 1, 0: 1 }, ['1'], [null], [[1]]]) {
      const passes = [{ counted: true, sampleCount: 1 }];
      expect(accepts({ ...success, samplesMs: list, uncountedMs: [], passes }), `as ${list}`).toBe(false);
      expect(accepts({ ...success, samplesMs: [1], uncountedMs: list, passes }), `beside ${list}`).toBe(false);
    }
    const { uncountedMs: _, ...without } = success;
    expect(accepts(without)).toBe(false);
    const half = new Array(1500).fill(1);
    const passes = [true, false].map((counted) => ({ counted, sampleCount: 1500 }));
    expect(accepts({ ...success, samplesMs: half, uncountedMs: half, passes })).toBe(false);
  });

  it('refuses passes that do not add up to the samples', () => {
    expect(accepts({ ...success, passes: [] })).toBe(false);
    expect(accepts({ ...success, passes: success.passes.slice(1) })).toBe(false);
    expect(accepts({ ...success, uncountedMs: [2.5] })).toBe(false);
  });

  it('refuses a host that is impossible', () => {
    for (const wrong of [{ waitedShare: 1.1 }, { batteryPercent: 101 }, { throttled: 1 }, { loadAverage: -1 }]) {
      expect(accepts({ ...success, host: { ...success.host, ...wrong } })).toBe(false);
    }
  });

  it('refuses unknown reasons, unknown fields and logs without end', () => {
    expect(accepts({ ok: false, reason: 'tired', log: '' })).toBe(false);
    expect(accepts({ ...success, note: 'hello' })).toBe(false);
    expect(accepts({ ok: false, reason: 'crashed', log: 'x'.repeat(maxLogLength + 1) })).toBe(false);
  });
});

describe('samplesOfPasses', () => {
  it('deals the samples out to the passes in the order in which they were made', () => {
    expect(samplesOfPasses(success)).toEqual([
      { counted: true, samplesMs: [1.5, 1.25], slowness: 1.3 },
      { counted: false, samplesMs: [2.5, 3], slowness: 1.6 },
      { counted: true, samplesMs: [1.5], slowness: 1.3 },
    ]);
  });

  it('takes for the slowness of a pass that does not tell that of all, or none', () => {
    const passes = success.passes.map(({ counted, sampleCount }) => ({ counted, sampleCount }));
    const slownessOf = (slowness: number | null) =>
      samplesOfPasses({ ...success, passes, host: { ...success.host, slowness } }).map((pass) => pass.slowness);
    expect([slownessOf(1.2), slownessOf(null)]).toEqual([
      [1.2, 1.2, 1.2],
      [1, 1, 1],
    ]);
  });
});

describe('retold', () => {
  it('makes samples shorter and the device slower by the same factor, so that what they took is the same', () => {
    const told = retold(success, 0.017);
    expect(told.samplesMs).toEqual([0.75, 0.625, 0.75]);
    expect(told.uncountedMs).toEqual([1.25, 1.5]);
    expect(told.overheadMs).toBe(0.005);
    expect(told.host).toEqual({ ...success.host, slowness: 2.6, quietestMs: 0.017 });
    expect(told.passes.map(({ slowness }) => slowness)).toEqual([2.6, 3.2, 2.6]);
    expect(measurementOutcomeSchema.parse(told)).toEqual(told);
  });

  it('says in two steps what it says in one', () => {
    const [once, twice] = [retold(success, 0.02), retold(retold(success, 0.03), 0.02)];
    expect(twice.samplesMs.map((ms) => Number(ms.toFixed(9)))).toEqual(
      once.samplesMs.map((ms) => Number(ms.toFixed(9))),
    );
    expect(twice.host.slowness).toBeCloseTo(once.host.slowness!, 9);
  });
});
