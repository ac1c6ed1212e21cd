/** What a message between two stages takes, from the end of the operation that makes it to the start of the one that waits for it: a constant and a time per byte. */
import { join } from 'node:path';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';

const byteCounts = [2 ** 16, 2 ** 21];
const stepCount = 20;
const microBatchCount = 1; // so that the receiver always waits

/** Both for the planner (TransferCost), each from medians over steps. */
export async function measureTransfer(folder) {
  const [small, large] = [await medianLagMs(folder, byteCounts[0]), await medianLagMs(folder, byteCounts[1])];
  const byteMs = Math.max((large - small) / (byteCounts[1] - byteCounts[0]), 0);
  return { messageMs: Math.max(small - byteMs * byteCounts[0], 0), byteMs };
}

async function medianLagMs(folder, byteCount) {
  const operations = pipelineOperations({ schedule: 'gpipe', remat: 'none', stageCount: 2, microBatchCount });
  const pipeline = await Pipeline.open({
    stages: [0, 1].map((stage) => ({ module: import.meta.url, options: { stage, byteCount }, threadCount: 1 })),
    directory: join(folder, 'transfer'),
    operationsOf: () => operations,
    operationTimeoutMs: 20_000,
    snapshotEvery: Number.MAX_SAFE_INTEGER,
  });
  const lagsMs = [];
  for (let step = 0; step < stepCount; step++) {
    const { trace } = await pipeline.runStep();
    const forwards = trace.filter(({ kind }) => kind === 'forward').toSorted((a, b) => a.stage - b.stage);
    lagsMs.push(forwards[1].startMs - forwards[0].endMs);
  }
  await pipeline.close();
  return lagsMs.toSorted((a, b) => a - b)[stepCount >> 1];
}

/** A stage that hands on so many bytes and computes nothing. */
export async function openStage({ stage, byteCount }) {
  const tensors = [{ shape: [byteCount / 4], values: new Float32Array(byteCount / 4) }];
  return {
    begin: async () => {},
    forward: async () => (stage === 0 ? tensors : []),
    backward: async () => (stage === 1 ? tensors : []),
    finish: async () => ({}),
    commit: async () => {},
    abort: async () => {},
    state: async () => new Map(),
  };
}
