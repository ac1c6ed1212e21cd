/** A worker of the pool: trains and judges the networks that it is sent, one at a time. It ends with the process that started it. */
import { type PackedDataset, readPacked } from '../data/packed.js';
import type { Engine } from '../engine.js';
import { openTfjsEngine } from '../tfjs/engine.js';
import { evaluateOnce } from './evaluator.js';
import type { WorkerAnswer, WorkerTask } from './pool.js';

let opened: Promise<readonly [Engine, PackedDataset]> | null = null;

process.on('message', async ({ task, backend, dataDirectory }: WorkerTask) => {
  try {
    opened ??= Promise.all([openTfjsEngine(backend), readPacked(dataDirectory)]);
    const [engine, data] = await opened;
    answer({ evaluated: await evaluateOnce(engine, data, task) });
  } catch (error) {
    answer({ problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => process.exit(0));

function answer(message: WorkerAnswer): void {
  process.send!(message);
}
