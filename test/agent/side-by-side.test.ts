import { fillInputs } from '@bespoke/agent/inputs.js';
import { modelOf } from '@bespoke/agent/job.js';
import type { GraphModel } from '@bespoke/agent/runtime/runtime.js';
import { openRuntime, type RuntimeChoice } from '@bespoke/agent/runtime/runtimes.js';
import { sideBySide } from '@bespoke/agent/side-by-side.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';

/** A part with two inputs, one with weights in a row, and one that no delegate takes whole. */
const parts: readonly Pick<BlockWorkload, 'body' | 'inputShapes'>[] = [
  {
    body: { kind: 'cell-part', part: { kind: 'add' } },
    inputShapes: [
      [8, 8, 4],
      [8, 8, 4],
    ],
  },
  { body: { kind: 'cell-part', part: { kind: 'op', op: 'sep_conv_3x3', stride: 2 } }, inputShapes: [[8, 8, 4]] },
  { body: { kind: 'cell-part', part: { kind: 'op', op: 'skip_connect', stride: 2 } }, inputShapes: [[8, 8, 4]] },
];
const choices: readonly RuntimeChoice[] = [
  { runtime: 'tflite', delegate: 'xnnpack', threads: 2 },
  { runtime: 'tflite', delegate: 'none', threads: 2 },
  { runtime: 'onnx', delegate: 'cpu', threads: 2 },
  { runtime: 'tfjs-tensorflow', delegate: 'cpu', threads: 2 },
];

describe('sideBySide', () => {
  it.each(choices)(
    'computes the model so many times over behind a prelude, with $runtime $delegate',
    async (choice) => {
      const runtime = await openRuntime(choice);
      const outputsOf = async (model: GraphModel) => {
        const session = await runtime.load(model);
        try {
          fillInputs(session);
          await session.run(1);
          return session.outputs.map((output) => Float32Array.from(output));
        } finally {
          session.close();
        }
      };
      for (const part of parts) {
        const model = modelOf({ workload: { ...part, kind: 'block', dtype: 'float32', batch: 1 } }) as GraphModel;
        const [alone] = await outputsOf(model);
        expect(Math.max(...alone!.map(Math.abs))).toBeGreaterThan(0.01);
        const side = sideBySide(model, 3);
        expect(side.graph.nodes[0]!.id).toMatch(/^prelude\//); // wakes the threads before the first copy
        const [prelude, ...copies] = await outputsOf(side);
        expect(copies).toEqual([alone, alone, alone]);
        expect(Math.max(...prelude!.map(Math.abs))).toBeGreaterThan(0.01); // it runs, too
      }
    },
  );
});
