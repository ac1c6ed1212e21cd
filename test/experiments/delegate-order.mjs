/**
 * What does the order of operators cost (shared/format/delegate-order.ts)? Times files of random EEEA networks with their operators as the exporter orders them and as the graph was
 * built, interleaved and each loaded afresh, and prints by how much the first are quicker.
 *
 *   node test/experiments/delegate-order.mjs [--threads 2] [--networks 12] [--rounds 12] [--within-ns 250]
 */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { graphModelOf } from '@bespoke/agent/graph-model.js';
import { fillInputs } from '@bespoke/agent/inputs.js';
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { networkWorkload } from '@bespoke/cloud/search/predictor.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { Model } from '@bespoke/shared/format/generated/model.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { ascending, median, quantile } from '@bespoke/shared/latency/statistics.js';
import { ByteBuffer } from 'flatbuffers';
import { openDistance } from '../bench/processor-distance.mjs';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    networks: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '12' },
    'within-ns': { type: 'string' },
  },
});
const [threads, networkCount, roundCount] = ['threads', 'networks', 'rounds'].map((name) => Number(options[name]));
/** Of one load; their lower quartile counts, for what disturbs adds time. */
const [samplesPerLoad, quietShare] = [25, 0.25];

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const stackings = [5, 8].flatMap((cells) => [12, 16, 24].map((channels) => ({ cells, channels })));

function draw(index) {
  const space = openCells(resolveCells({ preset: 'paper', ...stackings[index % stackings.length] }), shape);
  return graphModelOf(networkWorkload(space.decode(drawGenes(space, randomStream(index, 'delegate order')))));
}

/** The file with its operators in the order of the graph's nodes, of which each operator's output bears the name. No writer of ours makes it, so the list is put in order in the bytes. */
function asBuilt(file, { nodes }) {
  const bytes = Uint8Array.from(file);
  const buffer = new ByteBuffer(bytes);
  const graph = Model.getRootAsModel(buffer).subgraphs(0);
  const operatorsField = 10; // of the table SubGraph, as shared/format/tflite-subset.fbs orders it
  const vector = buffer.__vector(graph.bb_pos + buffer.__offset(graph.bb_pos, operatorsField));
  const rank = new Map(nodes.map(({ id }, index) => [id, index]));
  const rankOf = (name) => {
    const found = rank.get(name) ?? rank.get(name.slice(0, name.lastIndexOf('/'))); // an operator of several of a node
    if (found === undefined) throw new Error(`no node makes ${name}`);
    return found;
  };
  const operators = Array.from({ length: graph.operatorsLength() }, (_, index) => {
    const at = vector + 4 * index;
    const name = graph.tensors(graph.operators(index).outputs(0)).name();
    return { position: at + buffer.readInt32(at), rank: rankOf(name), index };
  });
  operators.sort((a, b) => a.rank - b.rank || a.index - b.index);
  for (const [index, { position }] of operators.entries()) {
    const at = vector + 4 * index;
    buffer.writeInt32(at, position - at); // offsets count from where they stand
  }
  return bytes;
}

const runtime = openTflite(threads, 'xnnpack', { readsOutputs: false });
const distance = options['within-ns'] === undefined ? null : await openDistance();
const areNear = () => distance === null || distance.tripNs() <= Number(options['within-ns']);

async function timeMs(bytes) {
  for (;;) {
    while (!areNear()) await setTimeout(500);
    const session = await runtime.load({ kind: 'file', format: 'tflite', bytes });
    fillInputs(session);
    session.run(10);
    const samplesMs = Array.from({ length: samplesPerLoad }, () => {
      const startMs = performance.now();
      session.run(2);
      return (performance.now() - startMs) / 2;
    });
    session.close();
    if (areNear()) return quantile(ascending(samplesMs), quietShare);
  }
}

const networks = Array.from({ length: networkCount }, (_, index) => {
  const { graph, weights, batch } = draw(index);
  const written = writeTflite(graph, weights, { batch, description: 'order' });
  return { files: [asBuilt(written, graph), written], ms: [[], []] };
});
for (let round = 0; round < roundCount; round++) {
  for (const { files, ms } of networks)
    for (const [index, bytes] of files.entries()) ms[index].push(await timeMs(bytes));
}
const changes = networks.map(({ ms }, index) => {
  const [builtMs, writtenMs] = ms.map(median);
  const { cells, channels } = stackings[index % stackings.length];
  console.log(
    `${cells} cells of ${channels}: ${builtMs.toFixed(3)} ms as built, ${writtenMs.toFixed(3)} as written, ${percent(writtenMs / builtMs - 1)}`,
  );
  return median(ms[1].map((each, round) => each / ms[0][round])) - 1;
});
function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
const sorted = ascending(changes);
console.log(
  `${threads} thread(s), ${networkCount} networks, ${roundCount} rounds: median ${percent(median(sorted))}, from ${percent(sorted[0])} to ${percent(sorted.at(-1))}`,
);
await distance?.close();
process.exit(0); // the pool of threads does not end by itself
