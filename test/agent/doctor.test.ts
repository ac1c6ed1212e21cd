import { examineRuntimes } from '@bespoke/agent/doctor.js';
import type { Probe } from '@bespoke/agent/measurer.js';
import { describe, expect, it } from 'vitest';

const works = (runtime: Probe['runtime'], delegate: string, version: string): Probe => ({
  runtime,
  delegate,
  ok: true,
  keys: [{ runtime, delegate, version, threads: 1 }],
});
const fails = (runtime: Probe['runtime'], delegate: string, problem: string, remedy: string): Probe => ({
  runtime,
  delegate,
  ok: false,
  problem,
  remedy,
});

describe('examineRuntimes', () => {
  it('finds a runtime well where one of its delegates loads, and names those that do', async () => {
    const probes = [works('onnx', 'cpu', '1.30.0'), fails('onnx', 'cuda', 'no such card', 'buy one')];
    expect(await examineRuntimes({ probe: async () => probes })).toEqual([
      { part: 'measuring with onnx', optional: true, ok: true, detail: '1.30.0, cpu' },
    ]);
  });

  it('says why the best delegate does not load, and the remedy', async () => {
    const probes = [
      fails('tflite', 'xnnpack', 'the first problem', 'the first remedy'),
      fails('tflite', 'none', 'the second problem', 'the second remedy'),
      fails('tfjs-webgpu', 'gpu', 'not installed', 'add it'),
    ];
    expect(await examineRuntimes({ probe: async () => probes })).toEqual([
      {
        part: 'measuring with tflite',
        optional: false,
        ok: false,
        detail: 'the first problem',
        remedy: 'the first remedy',
      },
      { part: 'measuring with tfjs-webgpu', optional: true, ok: false, detail: 'not installed', remedy: 'add it' },
    ]);
  });
});
