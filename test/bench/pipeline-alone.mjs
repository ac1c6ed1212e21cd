/**
 * The process that pipelines are held against: one partition, its micro-batches one after the other, no neighbours and no snapshots. Also measures what the planner asks
 * for. Its options are JSON in the first argument; `test/bench/pipeline.mjs` starts it.
 */
import { readPacked } from '@bespoke/cloud/train/data/packed.js';
import { partitionNetwork } from '@bespoke/cloud/train/gpipe/partition-graph.js';
import { profileBlocks } from '@bespoke/cloud/train/gpipe/profile.js';
import { Stage } from '@bespoke/cloud/train/gpipe/stage.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';

const { network, recipe, dataDirectory, microBatchSizes } = JSON.parse(process.argv[2]);
const { tf, backend, version } = await openBackend();
const data = await readPacked(dataDirectory);
const [graph] = partitionNetwork(network, []);
const stage = new Stage(tf, { graph, recipe, data, microBatchSizes, remat: 'none', isFirst: true, isLast: true });
let step = 0;

async function runStep() {
  const startMs = performance.now();
  await stage.begin(++step);
  for (const microBatch of microBatchSizes.keys()) {
    await stage.forward(microBatch, []);
    await stage.backward(microBatch, []);
  }
  await stage.finish();
  await stage.commit(step);
  return performance.now() - startMs;
}

const requests = {
  async run({ stepCount }) {
    const times = [];
    for (let count = 0; count < stepCount; count++) times.push(await runStep());
    return times;
  },
  profile: () => profileBlocks(tf, { network, data, recipe, microBatchSize: microBatchSizes[0] }),
};

process.on('message', async ({ request, ...argument }) => process.send(await requests[request](argument)));
process.on('disconnect', () => process.exit());
process.send({ backend, version });
