import { runJob } from '@bespoke/agent/job.js';
import { openPace, Pace } from '@bespoke/agent/pace.js';
import type { Runtime } from '@bespoke/agent/runtime/runtime.js';
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import { samplesOfPasses, unknownHost } from '@bespoke/shared/latency/measurement.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { describe, expect, it } from 'vitest';
import { fakeRuntime } from '../support/fake-runtime.js';
import { workload } from '../support/fleet.js';

/** A device that is so many times slower than at its quietest, by the clock; the block takes 0.05 ms at its quietest, other models 0.2. */
function device(slownessAt: (nowMs: number) => number) {
  const fake = fakeRuntime((load) => (load === 0 ? 0.05 : 0.2), 0.001, 1, slownessAt);
  return { ...fake, open: () => Pace.open(fake.runtime, fake.clock) };
}

describe('Pace', () => {
  it('tells how many times slower than at its quietest the device is, and never that it is quicker', async () => {
    let slowness = 1;
    const pace = (await device(() => slowness).open())!;
    pace.begin();
    expect(pace.leastMs).toBeCloseTo(0.05, 9);
    for (const [slow, told] of [
      [0.99, 1],
      [1.02, 1.02],
      [1.6, 1.6],
    ] as const) {
      slowness = slow;
      expect(pace.slowness()).toBeCloseTo(told, 9);
    }
  });

  it('is there where only the first look is disturbed, and not where the block takes too long', async () => {
    const warmMs = 21 * 40 * 0.05;
    expect(await device((nowMs) => (nowMs > warmMs - 0.01 && nowMs < warmMs + 6 ? 30 : 1)).open()).not.toBeNull();
    expect(await device(() => 30).open()).toBeNull();
  });

  it('goes by what earlier jobs found, and tells later ones the least of its own', async () => {
    const pace = (await device(() => 2).open())!;
    pace.begin(0.05);
    expect(pace.slowness()).toBeCloseTo(2, 9);
    expect(pace.leastMs).toBeCloseTo(0.1, 9);
    pace.begin();
    expect(pace.slowness()).toBe(1);
  });

  it('learns from a pass whose middle look is quicker than all before, and not from a quick look', async () => {
    let slowness = 2;
    const pace = (await device(() => slowness).open())!;
    pace.begin();
    for (let count = 0; count < 20; count++) {
      slowness = count < 4 ? 0.9 : 1;
      expect(pace.slowness()).toBe(1);
    }
    expect(pace.endPass()).toBeCloseTo(0.05, 9);
    slowness = 2;
    expect(pace.slowness()).toBeCloseTo(2, 9);
  });

  it('has all passes of a job go by the quietest that one of them finds, and that one as it is', async () => {
    let slowness = 1.5;
    const waking = device(() => slowness);
    const pace = (await waking.open())!;
    pace.begin();
    const { runtime } = waking;
    let loadCount = 0;
    const load: Runtime['load'] = (model) => {
      if (++loadCount === 3) slowness = 1;
      return runtime.load(model);
    };
    const bench = { ...waking, runtime: { ...runtime, load }, pace };
    const outcome = await runJob({ workload: workload(0) }, bench, () => () => unknownHost);
    if (!outcome.ok) throw new Error(outcome.log);
    expect(pace.leastMs).toBeCloseTo(0.05, 6);
    expect(outcome.host).toMatchObject({ quietestMs: expect.closeTo(0.05, 6), slowness: 1 });
    const passes = samplesOfPasses(outcome);
    expect(passes.map(({ counted }) => counted)).toEqual([false, false, true, true]);
    expect(passes.map((pass) => Number(pass.slowness.toFixed(4)))).toEqual([1.5, 1.5, 1, 1]);
    for (const { samplesMs } of passes) expect(median(samplesMs)).toBeCloseTo(0.199, 3);
  });

  it('is not to be had where the block takes too long, and closes what it loaded', async () => {
    const slow = fakeRuntime(() => 2, 0);
    expect(await Pace.open(slow.runtime, slow.clock)).toBeNull();
    expect(slow.state.openCount).toBe(0);
  });

  it('closes what it loaded where a look throws', async () => {
    const warmMs = 21 * 40 * 0.05;
    const lost = device((nowMs) => {
      if (nowMs > warmMs - 0.01) throw new Error('lost');
      return 1;
    });
    await expect(lost.open()).rejects.toThrow('lost');
    expect(lost.clock.nowMs()).toBeGreaterThan(warmMs - 0.01);
    expect(lost.state.openCount).toBe(0);
  });

  //   speed   ▔▔▔▁▁▁▁▁▁▔▔▔▁▁▁▁▁▁▔▔▔      a third of the time at its quietest, else 1.7 times slower
  it('has a job tell what a model takes at the quietest, whatever the device does meanwhile, and that it is in doubt', async () => {
    const restless = device((nowMs) => (Math.floor(nowMs / 800) % 3 === 0 ? 1 : 1.7));
    const pace = (await restless.open())!;
    for (let job = 0; job < 4; job++) {
      pace.begin(0.05);
      const outcome = await runJob({ workload: workload(0) }, { ...restless, pace }, () => () => unknownHost);
      if (!outcome.ok) throw new Error(outcome.log);
      expect(median(outcome.samplesMs)).toBeGreaterThan(0.1985);
      expect(median(outcome.samplesMs)).toBeLessThan(0.201);
      expect(outcome.host.slowness).toBeGreaterThanOrEqual(1);
      expect(outcome.host.quietestMs).toBe(0.05);
    }
    pace.begin(0.03);
    const outcome = await runJob({ workload: workload(0) }, { ...restless, pace }, () => () => unknownHost);
    if (!outcome.ok) throw new Error(outcome.log);
    expect(doubtsOf(outcome)).toContainEqual(
      expect.stringMatching(/^the device was \d\.\d\d times slower than at its quietest, which is taken out$/),
    );
  });
});

describe('openPace', () => {
  //                 runs the block, and holds it
  it.each([
    ['itself', { own: [1, 1], gauge: [0, 0] }],
    ['processor', { own: [1, 0], gauge: [1, 1] }], // the runtime runs it to be warm
    ['nobody', { own: [0, 0], gauge: [0, 0] }],
  ] as const)('has the block run where its looks tell: %s', async (by, expected) => {
    const [own, gauge] = [device(() => 1), device(() => 1)];
    const pace = await openPace(by, own.runtime, async () => gauge.runtime, own.clock);
    const counts = ({ state }: typeof own) => [state.loadCount, state.openCount];
    expect({ own: counts(own), gauge: counts(gauge) }).toEqual(expected);
    expect(pace === null).toBe(by === 'nobody');
  });
});
