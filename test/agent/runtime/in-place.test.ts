import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { graphModelOf } from '@bespoke/agent/graph-model.js';
import type { Job } from '@bespoke/agent/job.js';
import { referenceBlock } from '@bespoke/agent/reference-block.js';
import { runtimes } from '@bespoke/agent/runtime/runtimes.js';
import { openTfliteRunner } from '@bespoke/cloud/export/tflite-runner.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import type { RuntimeName } from '@bespoke/shared/latency/table.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/folder.js';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const buildUrl = new URL('../../../agent/runtime/xnnpack-delegate/build.mjs', import.meta.url);
const { compile } = (await import(buildUrl.href)) as {
  compile(source: string, output: string, ...flags: readonly string[]): void;
};
const library = pathOf('../../../agent/build/libtflite-in-place.so');

const inputCount = 14 * 14 * 32;
const inputOf = (sign: number) => Float32Array.from({ length: inputCount }, (_, i) => sign * (((i * 0.618) % 1) - 0.5));

/** What a process of its own prints. */
function printed(program: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: pathOf('../../..'),
    encoding: 'utf8',
  });
}

/** How many outputs of the block are not zero in a process of its own, after some runs. */
function nonZeroOutputCount(runtime: RuntimeName, delegate: string, readsOutputs: boolean): number {
  return Number(
    printed(`
      import { graphModelOf } from '@bespoke/agent/graph-model.js';
      import { referenceBlock } from '@bespoke/agent/reference-block.js';
      import { openRuntime } from '@bespoke/agent/runtime/runtimes.js';
      const choice = { runtime: '${runtime}', delegate: '${delegate}', threads: 1 };
      const runtime = await openRuntime(choice, { readsOutputs: ${readsOutputs} });
      const session = await runtime.load(graphModelOf(referenceBlock));
      session.inputs[0].fill(0.5);
      await session.run(3);
      console.log(session.outputs[0].filter((value) => value !== 0).length);`),
  );
}

/** Whether the measuring process has the library, once it was asked for a job by a runtime, or whether that loads. */
async function measuringProcessHasIt(runtime: RuntimeName, job: Job | null): Promise<boolean> {
  const child = fork(pathOf('../../../agent/dist/isolated.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  onTestFinished(() => void child.kill());
  const [delegate] = Object.keys(runtimes[runtime].delegates);
  child.send({ choice: { runtime, delegate, threads: 1 }, job });
  const [answer] = await once(child, 'message');
  expect(answer).toMatchObject(job ? { ok: true, outcome: { ok: true } } : { ok: true });
  return readFileSync(`/proc/${child.pid}/maps`, 'utf8').includes(library);
}

// Elsewhere, functions of one library do not stand before those of another, and nothing is left in place.
describe.skipIf(process.platform !== 'linux')('leaving inputs and outputs in place', () => {
  it('computes what it would, from inputs that are copied in once; outputs are not copied', async () => {
    const folder = temporaryFolder();
    const [program, model, inputs] = ['program', 'model.tflite', 'inputs'].map((name) => join(folder, name));
    const { graph, weights, batch } = graphModelOf(referenceBlock);
    const bytes = writeTflite(graph, weights, { batch, description: 'test' });
    const given = [inputOf(1), inputOf(-1), inputOf(1)];
    writeFileSync(model!, bytes);
    writeFileSync(inputs!, Buffer.concat(given.map((values) => Buffer.from(values.buffer))));
    const libraries = [library, pathOf('../../../agent/build/libxnnpack-delegate.so')];
    compile(pathOf('./in-place.c'), program!, '-Wl,--no-as-needed', ...libraries);
    const run = await openTfliteRunner(bytes);
    const expected = given.map((values) => [...run(values)]).map((outputs) => [...outputs, ...outputs, 7]);
    const lines = (...more: string[]) =>
      execFileSync(program!, [model!, inputs!, ...more], { encoding: 'utf8' })
        .trim()
        .split('\n');
    const made = (...more: string[]) => lines(...more).map((line) => line.split(' ').map(Number).map(Math.fround));
    expect(made()).toEqual(expected);
    const byXnnpack = made('XNNPACK');
    expect(byXnnpack).toHaveLength(given.length);
    const errors = byXnnpack.flatMap((values, index) => values.map((value, i) => value - expected[index]![i]!));
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1e-6);
  });

  it.each(['xnnpack', 'none'])('is for processes that read no outputs: %s', (delegate) => {
    expect(nonZeroOutputCount('tflite', delegate, false)).toBe(0);
    expect(nonZeroOutputCount('tflite', delegate, true)).toBeGreaterThan(inputCount / 2);
  });

  it('is what the measuring process does, but where TensorFlow Lite only tells the pace', async () => {
    expect(await measuringProcessHasIt('tflite', null)).toBe(true);
    expect(await measuringProcessHasIt('tflite', { workload: referenceBlock })).toBe(true);
    expect(await measuringProcessHasIt('tfjs-wasm', { workload: referenceBlock })).toBe(false);
  });

  it('is not begun in a process that read outputs before', () => {
    const uses = [true, false].map((readsOutputs) => `openTflite(1, 'xnnpack', { readsOutputs: ${readsOutputs} });`);
    const program = `
      import { openTflite } from '@bespoke/agent/runtime/tflite.js';
      try { ${uses.join(' ')} } catch ({ message }) { console.log(message); }`;
    expect(printed(program)).toBe('expected one use of outputs in a process, but got both\n');
  });
});

describe('tfjs on WebAssembly', () => {
  it('downloads nothing in a process that reads no outputs', () => {
    expect(nonZeroOutputCount('tfjs-wasm', 'cpu', false)).toBe(0);
    expect(nonZeroOutputCount('tfjs-wasm', 'cpu', true)).toBeGreaterThan(inputCount / 2);
  });
});
