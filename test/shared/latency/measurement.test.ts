import {
  type MeasurementOutcome,
  maxLogLength,
  measurementOutcomeSchema,
} from '@bespoke/shared/latency/measurement.js';
import { describe, expect, it } from 'vitest';

const success: MeasurementOutcome = {
  ok: true,
  samplesMs: [1.5, 1.25],
  overheadMs: 0.01,
  batchSize: 1,
  runtime: { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' },
  host: {
    loadAverage: 0.5,
    frequencyBeforeMhz: null,
    frequencyAfterMhz: 2400,
    governor: 'performance',
    temperatureC: -4,
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
      expect(accepts({ ...success, samplesMs })).toBe(false);
    }
  });

  it('refuses unknown reasons, unknown fields and logs without end', () => {
    expect(accepts({ ok: false, reason: 'tired', log: '' })).toBe(false);
    expect(accepts({ ...success, note: 'hello' })).toBe(false);
    expect(accepts({ ok: false, reason: 'crashed', log: 'x'.repeat(maxLogLength + 1) })).toBe(false);
  });
});
