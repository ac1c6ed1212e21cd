import { measurePasses, type Pass, passCount } from '@bespoke/agent/passes.js';
import type { Model, Runtime } from '@bespoke/agent/runtime/runtime.js';
import { describe, expect, it } from 'vitest';
import { fakeRuntime } from '../support/fake-runtime.js';

const model: Model = { kind: 'file', format: 'tflite', bytes: new Uint8Array() };

const medians = (passes: Iterable<Pass>) => [...passes].map(({ medianMs }) => Number(medianMs.toFixed(6)));

describe('measurePasses', () => {
  it('counts the quietest passes once they agree, and keeps the others', async () => {
    const { runtime, clock, state } = fakeRuntime((load) => [4, 2, 3, 2.02, 5][load]!, 0.25);
    const { all, counted } = await measurePasses(model, runtime, clock);
    expect(medians(all)).toEqual([4, 2, 3, 2.02, 5]);
    expect(medians(counted)).toEqual([2, 2.02]);
    expect(state.loadCount).toBe(passCount.least);
  });

  it('goes on while the quietest disagree, to a limit', async () => {
    const settles = fakeRuntime((load) => [4, 2, 3, 5, 6, 7, 2.01][load]!, 0.25);
    const { all, counted } = await measurePasses(model, settles.runtime, settles.clock);
    expect(all).toHaveLength(7);
    expect(medians(counted)).toEqual([2, 2.01]);
    const never = fakeRuntime((load) => 2 ** load, 0.25);
    expect((await measurePasses(model, never.runtime, never.clock)).all).toHaveLength(passCount.most);
  });

  it('tells the overhead of every pass', async () => {
    const { runtime, clock } = fakeRuntime(() => 2, 0.5);
    for (const { overheadMs } of (await measurePasses(model, runtime, clock)).all)
      expect(overheadMs).toBeCloseTo(0.5, 9);
  });

  it('fills the inputs with neither zeros nor denormals', async () => {
    const { runtime, clock, state } = fakeRuntime(() => 2, 0.25);
    await measurePasses(model, runtime, clock);
    for (const input of state.inputs) {
      expect(new Set(input).size).toBe(input.length);
      expect(Math.min(...input.map(Math.abs))).toBeGreaterThan(1e-3);
      expect(Math.max(...input.map(Math.abs))).toBeLessThanOrEqual(1);
    }
  });

  it('closes what it loaded, also where the runtime fails', async () => {
    const { runtime, clock, state } = fakeRuntime(() => 2, 0.25);
    await measurePasses(model, runtime, clock);
    expect(state.openCount).toBe(0);
    const broken: Runtime = { ...runtime, loadEmpty: () => Promise.reject(new Error('out of memory')) };
    await expect(measurePasses(model, broken, clock)).rejects.toThrow('out of memory');
    expect(state.openCount).toBe(0);
  });
});
