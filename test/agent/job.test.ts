import { runJob } from '@bespoke/agent/job.js';
import type { Clock } from '@bespoke/agent/measure.js';
import type { Runtime } from '@bespoke/agent/runtime/runtime.js';
import { AppError } from '@bespoke/shared/base/errors.js';
import { doubtsOf, overheadShare } from '@bespoke/shared/latency/doubt.js';
import {
  type MeasurementOutcome,
  measurementOutcomeSchema,
  samplesOfPasses,
  unknownHost,
} from '@bespoke/shared/latency/measurement.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';
import { fakeRuntime } from '../support/fake-runtime.js';

const workload: BlockWorkload = {
  kind: 'block',
  body: { kind: 'conv', outChannels: 4, kernelSize: 3, stride: 1, activation: 'relu' },
  inputShapes: [[4, 4, 3]],
  dtype: 'float32',
  batch: 1,
};

const quiet = () => () => unknownHost;
const measure = (runtime: Runtime, clock: Clock) => runJob({ workload }, { runtime, clock, pace: null }, quiet);

function succeeded(outcome: MeasurementOutcome) {
  if (!outcome.ok) throw new Error(outcome.log);
  return outcome;
}

describe('runJob', () => {
  it('gives the samples of all passes, overhead taken out, and says which count', async () => {
    const { runtime, clock } = fakeRuntime((load) => [4, 2, 2.04, 2.02][load]!, 0.25);
    const outcome = succeeded(await measure(runtime, clock));
    expect(measurementOutcomeSchema.parse(outcome)).toEqual(outcome);
    const passes = samplesOfPasses(outcome).map(({ counted, samplesMs }) => [counted, median(samplesMs)]);
    expect(passes).toEqual([
      [false, 3.75],
      [true, 1.75],
      [false, 1.79],
      [true, 1.77],
    ]);
    expect([outcome.host.slowness, outcome.host.quietestMs]).toEqual([null, null]);
    expect(outcome.passes.some((pass) => 'slowness' in pass)).toBe(false);
    expect(outcome.overheadMs).toBe(0.25);
    expect(doubtsOf(outcome)).toEqual([]);
  });

  it('tells when passes never agreed and when the overhead was most of it', async () => {
    const restless = fakeRuntime((load) => 2 * 1.5 ** load, 0.01);
    expect(doubtsOf(succeeded(await measure(restless.runtime, restless.clock)))).toContainEqual(
      expect.stringContaining('it is not known well'),
    );
    const hollow = fakeRuntime(() => 1, 0.75);
    const outcome = succeeded(await measure(hollow.runtime, hollow.clock));
    expect(overheadShare(outcome)).toBeCloseTo(0.75, 6);
    expect(doubtsOf(outcome)).toContain('75% of each reading was overhead, taken out');
  });

  it('never tells a latency of nothing or less', async () => {
    const { runtime, clock } = fakeRuntime(() => 1, 1.5);
    expect(new Set(succeeded(await measure(runtime, clock)).samplesMs)).toEqual(new Set([1e-6]));
  });

  it('tells what failed and why, and throws nothing', async () => {
    const { runtime, clock } = fakeRuntime(() => 1, 0);
    const failing = (error: Error): Runtime => ({ ...runtime, load: () => Promise.reject(error) });
    const refusal = new AppError('RUNTIME_REFUSED', { runtime: 'tflite', problem: 'no such op' });
    expect(await measure(failing(refusal), clock)).toEqual({
      ok: false,
      reason: 'runtime',
      log: refusal.message,
    });
    expect(await measure(failing(new Error('broken')), clock)).toMatchObject({ reason: 'crashed' });
    expect(
      await runJob({ workload: { ...workload, inputShapes: [[4]] } }, { runtime, clock, pace: null }),
    ).toMatchObject({
      reason: 'refused',
    });
  });
});
