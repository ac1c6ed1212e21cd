/** A runtime on a clock of its own: what runs take is told, nothing else takes time. */
import type { Bench } from '@bespoke/agent/passes.js';
import type { Model, Runtime, Session } from '@bespoke/agent/runtime/runtime.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';

const key: Omit<RuntimeKey, 'threads'> = { runtime: 'tflite', version: '2.9.0', delegate: 'xnnpack' };

export interface FakeRuntime extends Bench {
  readonly state: {
    loadCount: number;
    /** Sessions that were not closed. */
    openCount: number;
    /** Of all models loaded. */
    readonly inputs: Float32Array[];
  };
}

/** Loaded for the n-th time, from 0, a run of the model takes `costMs(n, model)`, of which `overheadMs` are overhead; both so many times longer as the device is slow. */
export function fakeRuntime(
  costMs: (load: number, model: Model) => number,
  overheadMs: number,
  threads = 1,
  slownessAt: (nowMs: number) => number = () => 1,
): FakeRuntime {
  let nowMs = 0;
  const state = { loadCount: 0, openCount: 0, inputs: [] as Float32Array[] };
  const open = (runMs: number): Session => {
    state.openCount++;
    return {
      inputs: [new Float32Array(48)],
      outputs: [new Float32Array(64)],
      run: (count) => {
        for (let i = 0; i < count; i++) nowMs += runMs * slownessAt(nowMs);
      },
      close: () => {
        state.openCount--;
      },
    };
  };
  const runtime: Runtime = {
    key: { ...key, threads },
    layout: 'NHWC',
    load: async (model) => {
      const session = open(costMs(state.loadCount++, model));
      state.inputs.push(...session.inputs);
      return session;
    },
    loadEmpty: async () => open(overheadMs),
  };
  return { runtime, clock: { tickMs: 1e-6, nowMs: () => nowMs }, pace: null, state };
}
