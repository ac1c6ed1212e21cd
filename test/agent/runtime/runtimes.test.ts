import { openRuntime, type RuntimeChoice, runtimes } from '@bespoke/agent/runtime/runtimes.js';
import { runtimeKeySchema, runtimeNames } from '@bespoke/shared/latency/table.js';
import { describe, expect, it } from 'vitest';

describe('runtimes', () => {
  it('lists every runtime in the order of their names, with delegates that a key may hold', () => {
    expect(Object.keys(runtimes)).toEqual([...runtimeNames]);
    for (const runtime of runtimeNames) {
      for (const delegate of Object.keys(runtimes[runtime].delegates))
        expect(runtimeKeySchema.safeParse({ runtime, version: '1', threads: 1, delegate }).success).toBe(true);
    }
  });
});

describe('openRuntime', () => {
  it('gives the key that it was asked for, and the version', async () => {
    const choice: RuntimeChoice = { runtime: 'tfjs-wasm', delegate: 'cpu', threads: 1 };
    expect((await openRuntime(choice)).key).toEqual({ ...choice, version: '4.22.0' });
  });

  it('says what does not load, and the command that brings it', async () => {
    await expect(openRuntime({ runtime: 'onnx', delegate: 'abacus', threads: 1 })).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      details: {
        runtime: 'onnx',
        problem: 'it has no delegate abacus',
        remedy: 'npx bespoke-agent runtime add onnx',
      },
    });
  });
});
