import { openWarm, referenceBlock } from '@bespoke/agent/reference-block.js';
import { workloadSchema } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';
import { fakeRuntime } from '../support/fake-runtime.js';

describe('referenceBlock', () => {
  it('is a legal workload', () => expect(workloadSchema.parse(referenceBlock)).toEqual(referenceBlock));
});

describe('openWarm', () => {
  /** When it ends, of a block of 0.05 ms on a device so many times slower. */
  async function endMs(slownessAt: (nowMs: number) => number): Promise<number> {
    const { runtime, clock, state } = fakeRuntime(() => 0.05, 0, 1, slownessAt);
    (await openWarm(runtime, clock)).close();
    expect(state.openCount).toBe(0);
    return clock.nowMs();
  }

  it('runs the block as long as it still grows quicker, and then for some batches more', async () => {
    expect(await endMs(() => 1)).toBeCloseTo(21 * 40 * 0.05, 6);
    const grownMs = 120;
    const compiling = await endMs((nowMs) => (nowMs < 60 ? 6 : nowMs < 90 ? 2 : nowMs < grownMs ? 1.5 : 1));
    expect(compiling).toBeGreaterThan(grownMs + 20 * 40 * 0.05);
    expect(compiling).toBeLessThan(grownMs + 23 * 40 * 0.05);
  });

  it('closes what it loaded where that does not run', async () => {
    const { runtime, clock, state } = fakeRuntime(
      () => 0.05,
      0,
      1,
      () => {
        throw new Error('no memory');
      },
    );
    await expect(openWarm(runtime, clock)).rejects.toThrow('no memory');
    expect([state.loadCount, state.openCount]).toEqual([1, 0]);
  });

  it('ends after two seconds, however slow the device is', async () => {
    const runMs = 4;
    const ended = await endMs(() => runMs / 0.05);
    expect(ended).toBeGreaterThanOrEqual(2000);
    expect(ended).toBeLessThan(2000 + 40 * runMs);
  });
});
