/**
 * The process of one study: packs the data, opens the engine, runs the study, and says how it goes. A process of its own,
 * because training keeps a core busy and native code may die; the cloud stays awake either way. It ends with the cloud that
 * started it, and what it had done stands in the study's folder.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import type { LatencyTable } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import { exportModel } from './export/export.js';
import { compareOutputs, isWithinBounds } from './export/parity.js';
import { openTfliteRunner } from './export/tflite-runner.js';
import { runStudy } from './search/study.js';
import type { StudyPorts } from './search/study-ports.js';
import { type FromStudy, fromFailure, type StudyTask, type ToStudy, toFailure } from './study-messages.js';
import { noAugmentation, openLoader } from './train/data/loader.js';
import { packDataset } from './train/data/pack.js';
import { imageSize, type PackedDataset, splitRange } from './train/data/packed.js';
import type { Engine } from './train/engine.js';
import { openEvaluationPool } from './train/evaluation/pool.js';
import { replaceFile } from './train/files.js';
import { openTfjsEngine } from './train/tfjs/engine.js';

/** Images of split `search` on which the exported file is compared with the engine. */
const parityCount = 256;

const waiting = new Map<number, { resolve(tables: LatencyTable[]): void; reject(error: Error): void }>();
let requestCount = 0;
const stops = { search: new AbortController(), train: new AbortController() };

function send(message: FromStudy): void {
  process.send!(message);
}

/** Has the cloud measure what it does not know yet, on the first devices of the study. */
function measureOn(deviceCount: number, workloads: readonly Workload[]): Promise<LatencyTable[]> {
  const requestId = ++requestCount;
  return new Promise((resolve, reject) => {
    waiting.set(requestId, { resolve, reject });
    send({ type: 'measure', requestId, workloads, deviceCount });
  });
}

async function run(task: StudyTask): Promise<void> {
  const { spec, directory } = task;
  if (task.stoppingPhase) stops[task.stoppingPhase].abort();
  const engine = await openTfjsEngine(spec.backend === 'auto' ? undefined : spec.backend);
  const { backend, version } = engine.describe();
  send({ type: 'engine', engine: `${backend} ${version}` });
  const { source, resolution, ...shares } = spec.data;
  // The split is the data set's, not the seed's: studies with other seeds are compared on the same test images.
  const options = { ...shares, resolution: resolution ?? undefined };
  let toldShare = 0;
  const data = await packDataset(source, task.datasetsDirectory, options, ({ what, done, total }) => {
    if (done / total < toldShare) return;
    toldShare = done / total + 0.1;
    send({ type: 'update', update: { type: 'log', line: `packing data: ${done} of ${total} ${what}` } });
  });
  const ports: StudyPorts = {
    directory,
    engine,
    devices: task.devices,
    data,
    measure: async (workloads) => (await measureOn(1, workloads))[0]!,
    measureOnAll: (workloads) => measureOn(task.devices.length, workloads),
    openEvaluator: (workerCount) =>
      openEvaluationPool({ workerCount, threadCount: 1, backend, dataDirectory: data.directory }),
    exportModel: async (graph, weights) => {
      const path = join(directory, 'model.tflite');
      const { bytes } = exportModel('tflite', graph, weights, `${spec.name}, made to measure by Bespoke`);
      await checkParity(engine, graph, weights, data, bytes);
      await replaceFile(path, bytes);
      send({ type: 'model', path });
      return { path, sha256: createHash('sha256').update(bytes).digest('hex'), byteCount: bytes.length };
    },
    saveWeights: (path, weights) => replaceFile(path, encodeSafetensors(weights)),
    loadWeights: async (path) => decodeSafetensors(await readFile(path)).weights,
    tell: (update) => send({ type: 'update', update }),
    stops: { search: stops.search.signal, train: stops.train.signal },
    startMs: task.startMs,
    now: Date.now,
  };
  send({ type: 'finished', result: await runStudy(spec, ports) });
}

/** Throws `EXPORT_DIFFERS` unless the file gives the engine's outputs on images of split `search`. */
async function checkParity(
  engine: Engine,
  graph: Graph,
  weights: Weights,
  data: PackedDataset,
  bytes: Uint8Array,
): Promise<void> {
  const { first, count } = splitRange(data.manifest, 'search');
  const loader = openLoader(data, {
    split: 'search',
    seed: 0,
    batchSize: Math.min(parityCount, count),
    augmentation: noAugmentation,
  });
  const { images: inputs, count: compared } = loader.inOrder(0);
  const size = imageSize(data.manifest);
  const logits = await engine.predict(
    graph,
    weights,
    data.images.subarray(first * size, (first + compared) * size),
    data,
  );
  const parity = compareOutputs(await openTfliteRunner(bytes), inputs, logits, data.manifest.classes.length);
  const text = `${(100 * parity.agreement).toFixed(1)}% same class, largest difference ${parity.largestDifference.toExponential(1)} of the logits' range, ${parity.count} images`;
  send({ type: 'update', update: { type: 'log', line: `parity of file and engine: ${text}` } });
  if (!isWithinBounds(parity)) throw new AppError('EXPORT_DIFFERS', { got: text });
}

process.on('message', (message: ToStudy) => {
  if (message.type === 'start') {
    run(message.task).catch((error) => send({ type: 'failed', failure: toFailure(error) }));
    return;
  }
  if (message.type === 'stop') {
    stops[message.phase].abort();
    return;
  }
  const { resolve, reject } = waiting.get(message.requestId)!;
  waiting.delete(message.requestId);
  if (message.type === 'measured') resolve(message.tables.map((entries) => new Map(entries)));
  else reject(fromFailure(message.failure));
});
process.on('disconnect', () => process.exit(0));
