import type { Pace } from '@bespoke/agent/pace.js';
import { copyCountOf, measurePasses, type Pass, passCount } from '@bespoke/agent/passes.js';
import type { GraphModel, Model, Runtime } from '@bespoke/agent/runtime/runtime.js';
import { sideBySide } from '@bespoke/agent/side-by-side.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import type { Shape } from '@bespoke/shared/graph/tensor.js';
import { describe, expect, it } from 'vitest';
import { fakeRuntime } from '../support/fake-runtime.js';

const model: Model = { kind: 'file', format: 'tflite', bytes: new Uint8Array() };

/** One node. */
function pieceOf(shape: Shape): GraphModel {
  const builder = new GraphBuilder();
  const graph = builder.build([
    builder.add('block', 'relu', 'activation', { kind: 'relu' }, builder.input('x', shape)),
  ]);
  return { kind: 'graph', graph, weights: new Map(), batch: 1 };
}
const piece = pieceOf([4, 4, 3]);
/** A run computes node by node, half as fast until the second thread is awake. */
const [wakeMs, nodeMs] = [0.03, 0.01];
function waking(_: number, model: Model): number {
  const workMs = nodeMs * (model.kind === 'graph' ? model.graph.nodes.length : Number.NaN);
  return workMs + Math.min(workMs, wakeMs / 2);
}

const medians = (passes: Iterable<Pass>) => [...passes].map(({ medianMs }) => Number(medianMs.toFixed(6)));

describe('copyCountOf', () => {
  it('takes as many as an invocation of 1 ms holds, none where that are fewer than 3', () => {
    expect(copyCountOf(piece, 0)).toBe(24);
    expect(copyCountOf(piece, 0.2)).toBe(5);
    expect(copyCountOf(piece, 0.333)).toBe(3);
    expect(copyCountOf(piece, 0.334)).toBeNull();
  });

  it('takes no more than a cache of 512 KiB holds, with outputs and weights', () => {
    expect(copyCountOf(pieceOf([32, 32, 16]), 0.01)).toBe(8);
    expect(copyCountOf(pieceOf([16, 16, 16]), 0.01)).toBe(24);
    expect(copyCountOf({ ...pieceOf([32, 32, 16]), batch: 2 }, 0.01)).toBe(4);
    const values = new Float32Array(16384);
    const weighted = { ...pieceOf([32, 32, 16]), weights: new Map([['block/weight', { shape: [16384], values }]]) };
    expect(copyCountOf(weighted, 0.01)).toBe(4);
    expect(copyCountOf(pieceOf([128, 128, 16]), 0.01)).toBe(3);
  });
});

describe('measurePasses', () => {
  it('counts the quietest passes once they agree, and keeps the others', async () => {
    const { runtime, clock, state } = fakeRuntime((load) => [4, 2, 3, 2.02][load]!, 0.25);
    const { all, counted } = await measurePasses(model, { runtime, clock, pace: null });
    expect(medians(all)).toEqual([4, 2, 3, 2.02]);
    expect(medians(counted)).toEqual([2, 2.02]);
    expect(state.loadCount).toBe(passCount.least);
  });

  it('goes on while the quietest disagree, to a limit', async () => {
    const settles = fakeRuntime((load) => [4, 2, 3, 5, 6, 7, 2.01][load]!, 0.25);
    const { all, counted } = await measurePasses(model, settles);
    expect(all).toHaveLength(7);
    expect(medians(counted)).toEqual([2, 2.01]);
    const never = fakeRuntime((load) => 2 ** load, 0.25);
    expect((await measurePasses(model, never)).all).toHaveLength(passCount.most);
  });

  it('counts the passes that took the least time, though what was taken out of others is more', async () => {
    // The device is slow for the first two loads; the block that tells is slowed more than the model.
    const slow = [1.5, 1.5, 1, 1];
    const { runtime, clock } = fakeRuntime((load) => 2 * [1.4, 1.3, 1, 1.01][load]!, 0.25);
    let load = -1;
    const loading: Runtime = {
      ...runtime,
      load(model) {
        load++;
        return runtime.load(model);
      },
    };
    const pace = { slowness: () => slow[load]!, endPass: () => 0.04 } as unknown as Pace;
    const { all, counted } = await measurePasses(model, { runtime: loading, clock, pace });
    expect(medians(all).slice(0, 2)).toEqual([1.866667, 1.733333]);
    expect(medians(counted)).toEqual([2, 2.02]);
  });

  it('tells the overhead of the pass in which it took the least, for some take it three times as long', async () => {
    const { runtime, clock } = fakeRuntime(() => 2, 0.5);
    let emptyCount = 0;
    const disturbed: Runtime = {
      ...runtime,
      loadEmpty: async (inputs, outputs) => {
        const session = await runtime.loadEmpty(inputs, outputs);
        const times = emptyCount++ === 2 ? 1 : 3;
        return { ...session, run: (count) => session.run(times * count) };
      },
    };
    const { overheadMs } = await measurePasses(model, { runtime: disturbed, clock, pace: null });
    expect(emptyCount).toBe(passCount.least);
    expect(overheadMs).toBeCloseTo(0.5, 9);
  });

  it('takes from a piece what an invocation of several threads costs once, by copies side by side', async () => {
    const { runtime, clock, state } = fakeRuntime(waking, 0.002, 2);
    const { all, overheadMs } = await measurePasses(piece, { runtime, clock, pace: null }, true);
    for (const { medianMs } of all) expect(medianMs).toBeCloseTo(nodeMs, 9);
    expect(overheadMs).toBeCloseTo(0, 9); // as much for many copies as for one: none of it is in the slope
    expect(state.loadCount).toBe(1 + 2 * passCount.least); // one to see how many copies are not long
    expect(state.openCount).toBe(0);
  });

  it('takes no slope from disturbed runs of one copy, which would make it too flat', async () => {
    const isOne = (model: Model) =>
      model.kind === 'graph' && model.graph.nodes.length === sideBySide(piece, 1).graph.nodes.length;
    const disturbed = (load: number, model: Model) => waking(load, model) + (isOne(model) && load !== 3 ? 0.05 : 0);
    const { runtime, clock } = fakeRuntime(disturbed, 0.002, 2);
    expect(medians((await measurePasses(piece, { runtime, clock, pace: null }, true)).counted)).toEqual([
      nodeMs,
      nodeMs,
    ]);
  });

  it('takes a network as it is, and a piece of one thread or of a long time', async () => {
    const network = fakeRuntime(waking, 0.002, 2);
    expect(medians((await measurePasses(piece, network)).counted)).toEqual([0.02, 0.02]);
    const single = fakeRuntime(waking, 0.002, 1);
    expect(medians((await measurePasses(piece, single, true)).counted)).toEqual([0.02, 0.02]);
    const long = fakeRuntime(() => 0.4, 0.002, 2);
    expect(medians((await measurePasses(piece, long, true)).counted)).toEqual([0.4, 0.4]);
  });

  it('fills the inputs with neither zeros nor denormals', async () => {
    const { runtime, clock, state } = fakeRuntime(() => 2, 0.25);
    await measurePasses(model, { runtime, clock, pace: null });
    for (const input of state.inputs) {
      expect(new Set(input).size).toBe(input.length);
      expect(Math.min(...input.map(Math.abs))).toBeGreaterThan(1e-3);
      expect(Math.max(...input.map(Math.abs))).toBeLessThanOrEqual(1);
    }
  });

  it('closes what it loaded, also where the runtime fails', async () => {
    const { runtime, clock, state } = fakeRuntime(() => 2, 0.25);
    await measurePasses(model, { runtime, clock, pace: null });
    expect(state.openCount).toBe(0);
    const broken: Runtime = { ...runtime, loadEmpty: () => Promise.reject(new Error('out of memory')) };
    await expect(measurePasses(model, { runtime: broken, clock, pace: null })).rejects.toThrow('out of memory');
    expect(state.openCount).toBe(0);
  });
});
