/** Pipelines of the arithmetic stages (fixtures/arithmetic-stage.mjs), and the same arithmetic in one process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import type { StageRunner } from '@bespoke/cloud/train/gpipe/stage-runner.js';
import type { Fault, PipelineOptions } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { decodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

export const blockCount = 6;
const module = new URL('./fixtures/arithmetic-stage.mjs', import.meta.url).href;

export interface Accident {
  readonly kind: 'die' | 'exit' | 'exhaust' | 'stuck' | 'throw' | 'block';
  readonly at: 'forward' | 'backward' | 'beforeCommit' | 'afterCommit' | 'state';
  /** The first step in which it happens; only once where `onceAt` names a file that marks it. */
  readonly step: number;
  readonly onceAt?: string;
  readonly blockMs?: number;
}

export interface Arrangement {
  readonly stageCount: number;
  readonly microBatchCount: number;
  readonly order?: Order;
  /** Of every forward and backward. */
  readonly delayMs?: number;
  /** Of reading a stage's state. As long where absent. */
  readonly stateDelayMs?: number;
  readonly accidentOf?: { readonly stage: number; readonly accident: Accident };
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Orders of a step's operations that differ. */
const orders = {
  gpipe: { schedule: 'gpipe', remat: 'none' },
  recomputing: { schedule: 'gpipe', remat: 'always' },
  '1f1b': { schedule: '1f1b', remat: 'none' },
  'zero-bubble': { schedule: 'zero-bubble', remat: 'none' },
} as const;

export type Order = keyof typeof orders;

export function operationsOf({ stageCount, microBatchCount, order = 'gpipe' }: Arrangement) {
  return pipelineOperations({ ...orders[order], stageCount, microBatchCount });
}

export function stagesOf({ stageCount, delayMs = 0, stateDelayMs = delayMs, accidentOf }: Arrangement) {
  const cut = (stage: number) => Math.floor((stage * blockCount) / stageCount);
  return range(stageCount).map((stage) => {
    const accident = accidentOf?.stage === stage ? accidentOf.accident : undefined;
    return {
      module,
      options: { from: cut(stage), to: cut(stage + 1), blockCount, delayMs, stateDelayMs, accident },
      threadCount: 1,
    };
  });
}

/** Which of the stages holds a name. */
export function stageOf(name: string, stageCount: number): number {
  const block = Number(/block-(\d+)/.exec(name)![1]);
  return stagesOf({ stageCount, microBatchCount: 1 }).findIndex(({ options }) => block < options.to);
}

export interface Opened {
  readonly pipeline: Pipeline;
  readonly faults: Fault[];
}

export async function openPipeline(arrangement: Arrangement, options: Partial<PipelineOptions> = {}): Promise<Opened> {
  const faults: Fault[] = [];
  const operations = operationsOf(arrangement);
  const pipeline = await Pipeline.open({
    stages: stagesOf(arrangement),
    directory: join(temporaryFolder(), 'snapshots'),
    operationsOf: () => operations,
    commitsTogether: false,
    operationTimeoutMs: 20_000,
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  onTestFinished(() => pipeline.close());
  return { pipeline, faults };
}

/** Weights and momentum of all stages, by name, as hexadecimal bytes. */
export async function stateOf(pipeline: Pipeline, stageCount: number): Promise<ReadonlyMap<string, string>> {
  const folder = temporaryFolder();
  const paths = range(stageCount).map((stage) => join(folder, `${stage}`));
  await pipeline.save(paths);
  return hexadecimal(new Map(paths.flatMap((path) => [...decodeSafetensors(readFileSync(path)).weights])));
}

/** What one process ends with that goes over the same micro-batches in the same order; where the stages commit together, each commit uses the loss. */
export async function trainAlone(
  microBatchCount: number,
  stepCount: number,
  { commitsTogether = false } = {},
): Promise<ReadonlyMap<string, string>> {
  const { openStage } = await import(module);
  const stage: StageRunner = await openStage({ from: 0, to: blockCount, blockCount, delayMs: 0, stateDelayMs: 0 });
  for (let step = 1; step <= stepCount; step++) {
    await stage.begin(step);
    for (const m of range(microBatchCount)) await stage.forward(m, []);
    for (const m of range(microBatchCount)) await stage.backward(m, []);
    const figures = await stage.finish();
    await stage.commit(step, commitsTogether ? figures : {});
  }
  return hexadecimal(await stage.state());
}

function hexadecimal(state: Weights): ReadonlyMap<string, string> {
  return new Map([...state].map(([name, { values }]) => [name, Buffer.from(values.buffer).toString('hex')]));
}
