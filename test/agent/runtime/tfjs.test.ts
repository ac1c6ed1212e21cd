import { type Transfer, tfjsRuntime } from '@bespoke/agent/runtime/tfjs.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const { tf, version } = await openBackend('wasm');
const runtimeBy = (download: Transfer['download']) =>
  tfjsRuntime({ runtime: 'tfjs-wasm', version, threads: 1, delegate: 'cpu' }, tf, {
    upload() {},
    download,
    downloadsOnce: true,
  });
const runtime = runtimeBy('async');
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

  it('uploads inputs once where nobody reads outputs', async () => {
    let [uploadCount, computeCount] = [0, 0];
    const counting = new Proxy(tf, {
      get(target, name, receiver) {
        if (name === 'tensor') uploadCount++;
        return Reflect.get(target, name, receiver);
      },
    });
    const transfer = { upload: () => void computeCount++, download: 'none', downloadsOnce: false } as const;
    const counted = tfjsRuntime({ runtime: 'tfjs-wasm', version, threads: 1, delegate: 'cpu' }, counting, transfer);
    const session = await counted.loadEmpty([[6]], [[2]]);
    await session.run(3);
    await session.run(2);
    expect([uploadCount, computeCount]).toEqual([1, 5]);
    session.close();
  });

  it.each(['sync', 'async', 'none'] as const)(
    'leaves no tensor behind, however often it runs: %s',
    async (download) => {
      const tensorCount = tf.memory().numTensors;
      const by = runtimeBy(download);
      for (const session of [await by.load(model), await by.loadEmpty([[6]], [[2]])]) {
        await session.run(1);
        const loaded = tf.memory().numTensors;
        await session.run(5);
        expect(tf.memory().numTensors).toBe(loaded);
        session.close();
      }
      expect(tf.memory().numTensors).toBe(tensorCount);
    },
  );

  it('refuses a file', async () => {
    await expect(runtime.load({ kind: 'file', format: 'tflite', bytes: new Uint8Array(8) })).rejects.toMatchObject({
      code: 'RUNTIME_REFUSED',
      details: { problem: 'it reads no .tflite files' },
    });
  });
});
