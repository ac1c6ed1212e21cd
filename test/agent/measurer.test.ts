import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { createMeasurer, type MeasureOptions, type Measurer } from '@bespoke/agent/measurer.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import { type MeasurementOutcome, measurementOutcomeSchema } from '@bespoke/shared/latency/measurement.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { BlockWorkload, FileWorkload, Workload } from '@bespoke/shared/latency/workload.js';
import type { BlockBody } from '@bespoke/shared/network/block.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

const timeoutMs = 20_000;
const tflite: RuntimeKey = { runtime: 'tflite', version: '2.9.0', threads: 1, delegate: 'xnnpack' };
const wasm: RuntimeKey = { runtime: 'tfjs-wasm', version: '4.22.0', threads: 1, delegate: 'cpu' };
const conv = (outChannels: number): BlockBody => ({
  kind: 'conv',
  outChannels,
  kernelSize: 3,
  stride: 1,
  activation: 'relu6',
});
const block = (body: BlockBody, ...inputShape: number[]): BlockWorkload => ({
  kind: 'block',
  body,
  inputShapes: [inputShape],
  dtype: 'float32',
  batch: 1,
});
const file = (bytes: Uint8Array): FileWorkload => ({
  kind: 'file',
  format: 'tflite',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  byteCount: bytes.length,
});

describe('createMeasurer', () => {
  let measurer: Measurer;
  beforeAll(() => {
    measurer = createMeasurer({ threads: [1, 2], runtimes: ['tflite', 'tfjs-wasm'] });
  });
  afterAll(() => measurer.close());

  const measure = (workload: Workload, options: Partial<MeasureOptions> = {}) =>
    measurer.measure(workload, { runtime: tflite, timeoutMs, ...options });

  const medianMs = (outcome: MeasurementOutcome) => {
    if (!outcome.ok) throw new Error(outcome.log);
    return summarize(outcome.samplesMs).medianMs;
  };

  it('offers what loads, with the version of its own library, for each number of threads that has an effect', async () => {
    expect(await measurer.runtimes()).toEqual([
      tflite,
      { ...tflite, threads: 2 },
      { ...tflite, delegate: 'none' },
      { ...tflite, delegate: 'none', threads: 2 },
      wasm,
    ]);
  });

  it('says why where nothing loads, with the remedy', async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nonexistent');
    const without = createMeasurer({ threads: [1], runtimes: ['tfjs-webgpu'] });
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await without.close();
    });
    await expect(without.runtimes()).rejects.toThrow(/^expected the runtime tfjs-webgpu to load, but .*; .+/);
  });

  it('measures a block: an outcome that the protocol takes, larger for more work', async () => {
    const small = await measure(block(conv(8), 16, 16, 8));
    const large = await measure(block(conv(64), 32, 32, 32));
    expect(measurementOutcomeSchema.parse(large)).toEqual(large);
    // 128 times the multiply-accumulates.
    expect(medianMs(large)).toBeGreaterThan(10 * medianMs(small));
  });

  it('measures a block that does nothing as next to nothing', async () => {
    expect(medianMs(await measure(block({ kind: 'identity' }, 32, 32, 16)))).toBeLessThan(0.01);
  });

  it('measures a whole network', async () => {
    const network = {
      version: 1,
      name: 'small',
      input: { height: 16, width: 16, channels: 3 },
      blocks: [
        { ...conv(8), id: 'stem' },
        { kind: 'head', id: 'head', classes: 10 },
      ],
    } as const;
    expect(medianMs(await measure({ kind: 'network', network, dtype: 'float32', batch: 1 }))).toBeGreaterThan(0);
  });

  it('measures an exported file like the workload that it was made from', async () => {
    const workload = block(conv(32), 32, 32, 32);
    const graph = lowerSingle('block', workload.body, workload.inputShapes);
    const folded = fold(graph, initializeWeights(graph, 1));
    const bytes = writeTflite(folded.graph, folded.weights, { batch: 1, description: 'test' });
    const ratio = medianMs(await measure(file(bytes), { fileBytes: bytes })) / medianMs(await measure(workload));
    expect(ratio).toBeGreaterThan(0.3);
    expect(ratio).toBeLessThan(3);
  });

  it('measures on the runtime that is asked for, one after another', { timeout: 60_000 }, async () => {
    for (const runtime of [wasm, tflite, { ...tflite, delegate: 'none' }, { ...tflite, threads: 2 }]) {
      const outcome = await measure(block(conv(8), 16, 16, 8), { runtime });
      expect(outcome.ok && outcome.runtime).toEqual(runtime);
    }
  });

  it('fails on another version of a runtime than is installed, and on a file that the runtime does not read', async () => {
    const old = await measure(block(conv(8), 16, 16, 8), { runtime: { ...tflite, version: '2.8.0' } });
    expect(old).toEqual({
      ok: false,
      reason: 'runtime',
      log: 'expected tflite 2.8.0, but 2.9.0 is installed now; restart the agent',
    });
    const bytes = Uint8Array.of(1, 2, 3);
    const unread = await measure(file(bytes), { runtime: wasm, fileBytes: bytes });
    expect(unread).toMatchObject({ ok: false, reason: 'runtime' });
    expect(!unread.ok && unread.log).toContain('it reads no .tflite files');
  });

  it.skipIf(process.platform !== 'linux')('tells when other programs had the core, where Linux says so', async () => {
    const hogs = Array.from({ length: 2 * availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (;;);']));
    onTestFinished(() => {
      for (const hog of hogs) hog.kill('SIGKILL');
    });
    const outcome = await measure(block(conv(64), 32, 32, 32));
    if (!outcome.ok) throw new Error(outcome.log);
    expect(doubtsOf(outcome)).toContainEqual(expect.stringContaining('other programs had the core'));
  });

  it('refuses a file that is not the one named, and one that is missing', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const wrong = await measure({ ...file(bytes), sha256: '0'.repeat(64) }, { fileBytes: bytes });
    expect(wrong).toEqual({
      ok: false,
      reason: 'refused',
      log: `expected a file with SHA-256 ${'0'.repeat(64)} and 3 bytes, but got ${file(bytes).sha256} and 3`,
    });
    expect(await measure(file(bytes))).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('tells what the runtime says of a file that is no model', async () => {
    const bytes = new TextEncoder().encode('this is not a flatbuffer at all, by any stretch');
    const outcome = await measure(file(bytes), { fileBytes: bytes });
    expect(outcome).toMatchObject({ ok: false, reason: 'runtime' });
    expect(!outcome.ok && outcome.log).toContain('expected a model that tflite can load');
  });

  it('refuses sizes beyond its limits before it allocates them', async () => {
    const params = await measure(block({ kind: 'head', classes: 100_000 }, 1, 1, 4096));
    expect(params).toEqual({
      ok: false,
      reason: 'refused',
      log: 'expected a workload that a device can hold, at most 200000000 params, but it has 409700000',
    });
    const activations = await measure(block(conv(512), 4096, 4096, 3));
    expect(activations).toMatchObject({ ok: false, reason: 'refused' });
    expect(!activations.ok && activations.log).toContain('bytes of activations');
  });

  it('refuses a block that does not fit its input', async () => {
    expect(await measure(block(conv(8), 16))).toMatchObject({ ok: false, reason: 'refused' });
  });

  it('gives up at the deadline and measures the next workload all the same', async () => {
    const slow = block(
      {
        kind: 'mbconv',
        outChannels: 512,
        kernelSize: 7,
        stride: 1,
        expandRatio: 6,
        activation: 'relu',
        squeezeExcite: false,
      },
      128,
      128,
      64,
    );
    expect(await measure(slow, { timeoutMs: 100 })).toMatchObject({ ok: false, reason: 'timeout' });
    expect(medianMs(await measure(block(conv(8), 16, 16, 8)))).toBeGreaterThan(0);
  });
});
