import { doubtsOf, overheadShare, reachShare } from '@bespoke/shared/latency/doubt.js';
import { type MeasurementSuccess, unknownHost } from '@bespoke/shared/latency/measurement.js';
import { describe, expect, it } from 'vitest';

const sound: MeasurementSuccess = {
  ok: true,
  samplesMs: [1, 1, 1.01, 1.01],
  uncountedMs: [1.02],
  passes: [
    { counted: true, sampleCount: 2 },
    { counted: false, sampleCount: 1 },
    { counted: true, sampleCount: 2 },
  ],
  overheadMs: 0.01,
  batchSize: 1,
  runtime: { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' },
  host: { ...unknownHost, waitedShare: 0.05, throttled: false, slowness: 1, quietestMs: 0.03 },
};

describe('doubtsOf', () => {
  it('has none of a sound measurement, nor of a device that tells nothing', () => {
    expect(doubtsOf(sound)).toEqual([]);
    expect(doubtsOf({ ...sound, host: unknownHost })).toEqual([]);
  });

  it('names everything that speaks against it', () => {
    const host = { ...unknownHost, waitedShare: 0.42, throttled: true, slowness: 1.64 };
    expect(doubtsOf({ ...sound, uncountedMs: [1.4], overheadMs: 0.5, host })).toEqual([
      'heat or a weak supply slowed the processor down',
      'it is not known well: the interval reaches 85% from the median',
      'other programs had the core for 42% of the time',
      'the device was 1.64 times slower than at its quietest, which is taken out',
      '33% of each reading was overhead, taken out',
    ]);
  });

  it('judges a model that does nothing by its readings: passes a nanosecond apart agree', () => {
    const nothing = { ...sound, samplesMs: [1e-6, 1e-6, 2e-6, 2e-6], uncountedMs: [3e-6] };
    expect(reachShare(nothing)).toBeLessThan(0.001);
    expect(doubtsOf(nothing)).toEqual(['100% of each reading was overhead, taken out']);
  });
});

describe('reachShare', () => {
  it('is the farther end of the interval, of what was read', () => {
    // Median 1, passes at 1, 1 and 1.5: the interval reaches 1.51 up and no more than 1 down; a reading is 2.
    const measurement = { ...sound, samplesMs: [1, 1, 1, 1], uncountedMs: [1.5], overheadMs: 1 };
    expect(reachShare(measurement)).toBeCloseTo(0.755, 9);
  });
});

describe('overheadShare', () => {
  it('is the overhead in what was read', () => {
    expect(overheadShare({ ...sound, samplesMs: [3], overheadMs: 1 })).toBe(0.25);
  });
});
