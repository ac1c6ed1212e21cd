/**
 * A coordinator of its own, so that limits of memory can be set for it and its stages. Trains for so many steps, and prints a line of JSON: the SHA-256 of the state, and how
 * much more resident memory each stage came to hold than it had when it was opened; or the error. Its options are JSON in the first argument.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPacked } from '@bespoke/cloud/train/data/packed.js';
import { readPipelineCheckpoint } from '@bespoke/cloud/train/gpipe/pipeline-checkpoint.js';
import { pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { trainPipelined } from '@bespoke/cloud/train/gpipe/trainer.js';
import { trainingStageModule } from '@bespoke/cloud/train/gpipe/training-stage.js';
import { decodeSafetensors } from '@bespoke/shared/graph/safetensors.js';

const { layout, training, isPlanned, directory, stepCount } = JSON.parse(process.argv[2]);
const operations = pipelineOperations(layout);

/** In bytes: the most that was resident so far, without what is mapped from files by now: libraries are read as their code is first run. */
function peakResident(processId) {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  const bytes = (name) => 1024 * Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))[1]);
  return bytes('VmHWM') - bytes('RssFile');
}

async function train() {
  const pipeline = await Pipeline.open({
    stages: operations.map((_, stage) => ({
      module: trainingStageModule,
      options: { ...training, remat: layout.remat, stage },
      threadCount: 1,
    })),
    directory: join(directory, 'snapshots'),
    operationsOf: () => operations,
    commitsTogether: false,
    operationTimeoutMs: 60_000,
  });
  try {
    const openedBytes = pipeline.processIds.map(peakResident);
    for (let step = 1; step <= stepCount; step++) await pipeline.runStep();
    const grownBytes = pipeline.processIds.map((id, stage) => peakResident(id) - openedBytes[stage]);
    const paths = operations.map((_, stage) => join(directory, `state-${stage}`));
    await pipeline.save(paths);
    const state = paths.flatMap((path) => [...decodeSafetensors(readFileSync(path)).weights]);
    return { sha256: hashOf(state), grownBytes };
  } finally {
    await pipeline.close();
  }
}

/** As a user does it: profiled, planned and trained to the end of the recipe. */
async function trainPlanned() {
  const { network, recipe, dataDirectory } = training;
  const settings = { ...layout, memoryCapBytes: null, threadCount: 1 };
  const hooks = { checkpointDirectory: directory };
  await trainPipelined(network, await readPacked(dataDirectory), recipe, settings, 'tensorflow', hooks);
  return { sha256: hashOf([...(await readPipelineCheckpoint(directory)).state]) };
}

/** Of all tensors in the order of their names. */
function hashOf(state) {
  const hash = createHash('sha256');
  for (const [name, { values }] of state.sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

const result = await (isPlanned ? trainPlanned() : train()).catch(({ code, message }) => ({ code, message }));
console.log(JSON.stringify(result));
