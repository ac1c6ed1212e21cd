/**
 * The exported file gives what the engine gives: a trained network on 256 test images, in our runner, in the agent's runtime
 * with XNNPACK, and in Python's tf.lite, an interpreter that is not ours.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { exportModel } from '@bespoke/cloud/export/export.js';
import { compareOutputs, type RunModel } from '@bespoke/cloud/export/parity.js';
import { openTfliteRunner } from '@bespoke/cloud/export/tflite-runner.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { choose } from '@bespoke/cloud/search/space.js';
import { noAugmentation, openLoader } from '@bespoke/cloud/train/data/loader.js';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { imageSize, splitRange } from '@bespoke/cloud/train/data/packed.js';
import { openTfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const python = fileURLToPath(new URL('../../build/python/bin/python', import.meta.url));
const script = fileURLToPath(new URL('./python-tflite.py', import.meta.url));
const reason = existsSync(python) ? '' : ' (SKIPPED: no build/python with TensorFlow; run `npm run setup:tensorflow`)';
if (reason) console.warn(`parity.test.ts${reason}`);

const count = 256;
const folder = mkdtempSync(join(tmpdir(), 'bespoke-parity-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let bytes: Uint8Array;
let inputs: Float32Array;
let logits: Float32Array;

beforeAll(async () => {
  const data = await packDataset('synthetic', folder, { resolution: 16 });
  const space = buildSpace({ preset: 'small' }, data.manifest);
  const graph = lower(choose(space, [0, 1, 6, 3, 0, 2, 6, 3, 1, 0, 0, 0]));
  const engine = await openTfjsEngine();
  const weights = await engine.train(graph, data, {
    seed: 1,
    stepCount: 60,
    batchSize: 32,
    learningRate: 0.1,
    warmupStepCount: 5,
    momentum: 0.9,
    weightDecay: 4e-5,
    labelSmoothing: 0.1,
    augmentation: noAugmentation,
  });
  const { first } = splitRange(data.manifest, 'test');
  const size = imageSize(data.manifest);
  logits = await engine.predict(graph, weights, data.images.subarray(first * size, (first + count) * size), data);
  inputs = openLoader(data, { split: 'test', seed: 0, batchSize: count, augmentation: noAugmentation }).inOrder(
    0,
  ).images;
  bytes = exportModel('tflite', graph, weights, 'parity').bytes;
}, 120_000);

function expectParity(run: RunModel): void {
  const parity = compareOutputs(run, inputs, logits, 10);
  expect(parity.count).toBe(256);
  expect(parity.agreement).toBeGreaterThanOrEqual(0.995);
  expect(parity.largestDifference).toBeLessThanOrEqual(1e-3);
}

describe('an exported file', () => {
  it("gives the engine's outputs with the built-in kernels", async () => {
    expectParity(await openTfliteRunner(bytes));
  });

  it("gives the engine's outputs in the agent's runtime, with XNNPACK", async () => {
    const session = await openTflite(1).load({ kind: 'file', format: 'tflite', bytes });
    expectParity((input) => {
      session.inputs[0]!.set(input);
      session.run(1);
      return Float32Array.from(session.outputs[0]!);
    });
    session.close();
  });

  it.skipIf(reason)(
    `gives the engine's outputs in Python's tf.lite${reason}`,
    () => {
      writeFileSync(join(folder, 'model.tflite'), bytes);
      const size = inputs.length / count;
      const cases = Array.from({ length: count }, (_, index) => {
        const name = `${index}.bin`;
        writeFileSync(join(folder, name), new Uint8Array(inputs.slice(index * size, (index + 1) * size).buffer));
        return { model: 'model.tflite', inputs: [name] };
      });
      writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases));
      execFileSync(python, [script, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
      const outputs: number[][][] = JSON.parse(readFileSync(join(folder, 'outputs.json'), 'utf8'));
      let next = 0;
      expectParity(() => Float32Array.from(outputs[next++]![0]!));
    },
    120_000,
  );
});
