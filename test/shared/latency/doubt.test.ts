import { doubtsOf, overheadShare, passSpreadShare } from '@bespoke/shared/latency/doubt.js';
import { type MeasurementSuccess, unknownHost } from '@bespoke/shared/latency/measurement.js';
import { describe, expect, it } from 'vitest';

const sound: MeasurementSuccess = {
  ok: true,
  samplesMs: [1, 1, 1.01, 1.01],
  uncountedMs: [1.4],
  passes: [
    { counted: true, sampleCount: 2 },
    { counted: false, sampleCount: 1 },
    { counted: true, sampleCount: 2 },
  ],
  overheadMs: 0.01,
  batchSize: 1,
  runtime: { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' },
  host: { ...unknownHost, waitedShare: 0.05, throttled: false },
};

describe('doubtsOf', () => {
  it('has none of a sound measurement, nor of a device that tells nothing', () => {
    expect(doubtsOf(sound)).toEqual([]);
    expect(doubtsOf({ ...sound, host: unknownHost })).toEqual([]);
  });

  it('names everything that speaks against it', () => {
    const host = { ...unknownHost, waitedShare: 0.42, throttled: true };
    expect(doubtsOf({ ...sound, samplesMs: [1, 1, 1.2, 1.2], overheadMs: 0.5, host })).toEqual([
      'heat or a weak supply slowed the processor down',
      'its best passes lie 13% apart',
      'other programs had the core for 42% of the time',
      '31% of each reading was overhead, taken out',
    ]);
  });

  it('judges a model that does nothing by its readings: passes a nanosecond apart agree', () => {
    const nothing = { ...sound, samplesMs: [1e-6, 1e-6, 2e-6, 2e-6] };
    expect(passSpreadShare(nothing)).toBeLessThan(0.001);
    expect(doubtsOf(nothing)).toEqual(['100% of each reading was overhead, taken out']);
  });
});

describe('passSpreadShare', () => {
  it('compares the passes that count, by their readings', () => {
    expect(passSpreadShare({ ...sound, samplesMs: [1, 1, 1.5, 1.5], overheadMs: 1 })).toBeCloseTo(0.25, 9);
  });
});

describe('overheadShare', () => {
  it('is the overhead in what was read', () => {
    expect(overheadShare({ ...sound, samplesMs: [3], overheadMs: 1 })).toBe(0.25);
  });
});
