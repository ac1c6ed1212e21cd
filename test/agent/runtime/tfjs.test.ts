import { tfjsRuntime } from '@bespoke/agent/runtime/tfjs.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const { tf, version } = await openBackend('wasm');
const runtime = tfjsRuntime({ runtime: 'tfjs-wasm', version, threads: 1, delegate: 'cpu' }, tf, {
  upload() {},
  download: 'async',
  downloadsOnce: true,
});
const training = lowerSingle('block', { kind: 'conv', outChannels: 4, kernelSize: 3, stride: 1, activation: 'relu' }, [
  [8, 8, 3],
]);
const model = { kind: 'graph', ...fold(training, initializeWeights(training, 1)), batch: 1 } as const;

describe('tfjsRuntime', () => {
  it('reads the inputs anew at each run', async () => {
    const session = await runtime.load(model);
    await session.run(1);
    const before = [...session.outputs[0]!];
    session.inputs[0]!.fill(1);
    await session.run(1);
    expect([...session.outputs[0]!]).not.toEqual(before);
    session.close();
  });

  it('leaves no tensor behind, however often it runs', async () => {
    const tensorCount = tf.memory().numTensors;
    for (const session of [await runtime.load(model), await runtime.loadEmpty([[6]], [[2]])]) {
      const loaded = tf.memory().numTensors;
      await session.run(5);
      expect(tf.memory().numTensors).toBe(loaded);
      session.close();
    }
    expect(tf.memory().numTensors).toBe(tensorCount);
  });

  it('refuses a file', async () => {
    await expect(runtime.load({ kind: 'file', format: 'tflite', bytes: new Uint8Array(8) })).rejects.toMatchObject({
      code: 'RUNTIME_REFUSED',
      details: { problem: 'it reads no .tflite files' },
    });
  });
});
