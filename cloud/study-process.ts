/**
 * The process of one study: packs the data, opens the engine, runs the study, and says how it goes. A process of its own,
 * because training keeps a core busy and native code may die; the cloud stays awake either way. It ends with the cloud that
 * started it, and what it had done stands in the study's folder.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import type { LatencyTable } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import { exportChecked } from './model-file.js';
import { runStudy } from './search/study.js';
import type { StudyPorts } from './search/study-ports.js';
import { type FromStudy, fromFailure, type StudyTask, type ToStudy, toFailure } from './study-messages.js';
import { packDataset } from './train/data/pack.js';
import { openEvaluationPool } from './train/evaluation/pool.js';
import { replaceFile } from './train/files.js';
import { trainPipelined } from './train/gpipe/trainer.js';
import { openTfjsEngine } from './train/tfjs/engine.js';

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
    trainPipelined: (network, recipe, settings, hooks) =>
      trainPipelined(network, data, recipe, settings, backend, hooks),
    exportModel: async (graph, weights) => {
      const path = join(directory, 'model.tflite');
      const { bytes, sha256, parity } = await exportChecked(engine, graph, weights, data, spec.name);
      send({ type: 'update', update: { type: 'log', line: `parity of file and engine: ${parity}` } });
      await replaceFile(path, bytes);
      send({ type: 'model', path });
      return { path, sha256, byteCount: bytes.length };
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
