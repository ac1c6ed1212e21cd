import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EvaluationTask } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { openEvaluationPool } from '@bespoke/cloud/train/evaluation/pool.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const entry = fileURLToPath(new URL('./fixtures/worker.mjs', import.meta.url));
/** The fixture reads nothing but the seed. */
const task = (seed: number) => ({ recipe: { seed } }) as unknown as EvaluationTask;

function openPool(workerCount: number) {
  const dataDirectory = temporaryFolder();
  const pool = openEvaluationPool({ workerCount, threadCount: 1, backend: 'wasm', dataDirectory, entry });
  onTestFinished(() => pool.close());
  return { pool, dataDirectory };
}

describe('openEvaluationPool', () => {
  it('keeps its workers busy, though some evaluations take four times as long as others', async () => {
    const workerCount = 4;
    const { pool } = openPool(workerCount);
    await Promise.all(Array.from({ length: workerCount }, () => pool.evaluate(task(1)))); // the processes start
    const startMs = performance.now();
    const evaluated = await Promise.all(
      Array.from({ length: 80 }, (_, index) => pool.evaluate(task(50 * (1 + (index % 4))))),
    );
    const busySeconds = evaluated.reduce((sum, { seconds }) => sum + seconds, 0);
    const utilisation = busySeconds / ((workerCount * (performance.now() - startMs)) / 1000);
    expect(utilisation).toBeGreaterThan(0.9);
  });

  it('gives a task whose worker died to another', async () => {
    const { pool, dataDirectory } = openPool(2);
    const results = await Promise.all([pool.evaluate(task(-1)), pool.evaluate(task(5)), pool.evaluate(task(5))]);
    expect(results.map(({ probeAccuracy }) => probeAccuracy)).toEqual([0.1, 0.1, 0.1]);
    expect(readdirSync(dataDirectory)).toEqual(['died--1']);
  });

  it('gives up on a task under which every worker dies, with their last words, and goes on with the others', async () => {
    const { pool } = openPool(1);
    const [dying, next] = [pool.evaluate(task(-2)), pool.evaluate(task(1))];
    await expect(dying).rejects.toThrow(/3 processes in a row died under it \(SIGKILL\); last words: out of memory/);
    expect((await next).probeAccuracy).toBe(0.1);
  });
});
