/**
 * StudyService: starts studies as processes, answers their questions, writes down what they say.
 *
 *   create ─▶ running ─finished─▶ finished
 *              ▲│ │ ├──failed, process died─▶ failed
 *        resume││ │ └──cancel─▶ cancelled          stop: stays running, its search or training ends with what it has
 *              │▼pause
 *             paused ─cancel─▶ cancelled
 *
 *   cloud gone: stays running, and runs on when the cloud is back
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { describeRuntime } from '@bespoke/shared/latency/table.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { StudyView } from '@bespoke/shared/protocol/api.js';
import type { CloudParts } from './compose.js';
import { agreeing } from './fleet/campaign.js';
import { checkArchive, rejudgingSpec } from './search/eeea/archive-of.js';
import { weightsDirectory } from './search/eeea/inheritance.js';
import { parseSpec, type ResolvedSpec, resolveSpec, writeSpec } from './search/spec.js';
import type { StudyUpdate } from './search/study-ports.js';
import type { StudyService } from './server/api.js';
import { estimateStudy } from './study-estimate.js';
import { type FromStudy, fromFailure, type ToStudy, toFailure } from './study-messages.js';
import { onDevices, type Place, placesFor } from './study-places.js';
import { lastWordsOf } from './train/last-words.js';

const entry = fileURLToPath(new URL('./study-process.js', import.meta.url));

/** Processes that may die under one study while the cloud runs. */
const maxAttempts = 3;

/** A study's process and what it measures on. */
interface Run {
  readonly id: string;
  readonly child: ChildProcess;
  /** The device of the study, then the others that its evolution is for. */
  readonly places: readonly Place[];
}

export interface RunningStudies extends StudyService {
  /** Goes on with every study that ran when the cloud ended. */
  resumeAll(): void;
  /** Ends the processes; the studies stay running, to be resumed. */
  close(): void;
}

export function createStudyService(parts: CloudParts): RunningStudies {
  const processes = new Map<string, ChildProcess>();
  const { store, journal } = parts;

  function launch(id: string, attempt = 1): void {
    const spec = specOf(parts, id)!;
    const places = placesFor(parts, spec);
    const directory = join(parts.config.dataDirectory, 'studies', id);
    mkdirSync(directory, { recursive: true });
    const child = fork(entry, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    processes.set(id, child);
    const lastWords = lastWordsOf(child.stderr!);
    child.on('message', (message: FromStudy) => handle({ id, child, places }, message));
    child.on('close', (code, signal) => {
      if (processes.get(id) !== child) return;
      const died = new AppError('STUDY_PROCESS_DIED', { how: signal ?? `exit code ${code}`, lastWords: lastWords() });
      if (attempt === maxAttempts) return void end(id, { status: 'failed', error: died.message });
      journal.log(id, `${died.message}; it goes on from its last checkpoint`);
      launch(id, attempt + 1);
    });
    post(child, {
      type: 'start',
      task: {
        spec,
        devices: places.map(({ device, runtime }) => {
          return { name: device.name, runtime: describeRuntime(runtime), threads: runtime.threads };
        }),
        ...store.studies.clock(id),
        directory,
        datasetsDirectory: join(parts.config.dataDirectory, 'datasets'),
      },
    });
  }

  function end(id: string, change: Parameters<typeof journal.update>[1]): StudyView {
    const child = processes.get(id);
    processes.delete(id);
    child?.kill('SIGKILL');
    // An evolution that was ended has no more use for what its children would have begun with.
    rmSync(weightsDirectory(join(parts.config.dataDirectory, 'studies', id)), { recursive: true, force: true });
    return journal.update(id, { ...change, remainingMs: null });
  }

  function handle(run: Run, message: FromStudy): void {
    if (processes.get(run.id) !== run.child) return;
    const answers: { [T in FromStudy['type']]: (message: Extract<FromStudy, { type: T }>) => unknown } = {
      update: ({ update }) => record(parts, run, update),
      engine: ({ engine }) => journal.update(run.id, { engine }),
      model: ({ path }) => journal.model(run.id, readFileSync(path)),
      measure: (request) => measure(run, request),
      finished: ({ result }) => end(run.id, { status: 'finished', progress: 1, result }),
      failed: ({ failure }) => end(run.id, { status: 'failed', error: fromFailure(failure).message }),
    };
    answers[message.type](message as never);
  }

  async function measure(
    { id, child, places }: Run,
    { requestId, workloads, deviceCount }: FromStudy & { type: 'measure' },
  ): Promise<void> {
    const isFirstPhase = store.studies.get(id)!.phase === 'measure';
    const startMs = Date.now();
    let known: number | null = null;
    try {
      const targets = places.slice(0, deviceCount).map(({ device, runtime }) => ({ deviceId: device.id, runtime }));
      const tables = await parts.ensureMeasuredOnAll(targets, workloads, {
        requester: id,
        settlement: agreeing,
        onProgress: ({ measured, failed, total }) => {
          if (!isFirstPhase) return;
          const done = measured + failed;
          known ??= done;
          const remainingMs = done > known ? ((Date.now() - startMs) / (done - known)) * (total - done) : null;
          journal.update(id, { progress: done / total, remainingMs });
        },
      });
      post(child, {
        type: 'measured',
        requestId,
        tables: tables.map((table) => workloads.map(workloadKey).map((key) => [key, table.get(key)!])),
      });
    } catch (error) {
      post(child, { type: 'measureFailed', requestId, failure: toFailure(error) });
    }
  }

  return {
    async create(yaml) {
      const spec = placed(resolveSpec(parseSpec(yaml)));
      if (spec.evolution.archiveOf !== null) checkArchive(spec, archiveOf(parts, spec.evolution.archiveOf));
      const [first, ...others] = placesFor(parts, spec).map(({ device }) => device.id);
      const id = randomUUID().slice(0, 8);
      const study = journal.create({
        id,
        name: spec.name,
        deviceId: first!,
        specYaml: writeSpec(onDevices(spec, first!, others)),
      });
      launch(id);
      return study;
    },
    async estimate(yaml, deviceId) {
      const spec = placed(resolveSpec({ ...parseSpec(yaml), device: deviceId }));
      const place = placesFor(parts, spec)[0]!;
      return estimateStudy(parts, spec, place, parts.registry.countTwins(deviceId, place.runtime));
    },
    rejudging: (id) => writeSpec(rejudgingSpec(id, archiveOf(parts, id)!)),
    async cancel(id) {
      const study = store.studies.get(id)!;
      const isGoing = study.status === 'running' || study.status === 'paused';
      return isGoing ? end(id, { status: 'cancelled' }) : study;
    },
    pause(id) {
      // Stored before the process dies: a cloud that dies in between leaves a paused study.
      const study = journal.pause(id);
      const child = processes.get(id);
      processes.delete(id);
      child?.kill('SIGKILL');
      return study;
    },
    resume(id) {
      if (store.studies.get(id)!.status !== 'paused') return store.studies.get(id)!;
      const study = journal.resume(id);
      launch(id);
      return study;
    },
    stop(id, phase) {
      const child = processes.get(id);
      // Whoever asks may not have heard yet that the phase is over.
      if (child && store.studies.get(id)!.phase === phase) {
        store.studies.stop(id, phase);
        post(child, { type: 'stop', phase });
      }
      return store.studies.get(id)!;
    },
    resumeAll() {
      for (const { id, status } of store.studies.all()) if (status === 'running') launch(id);
    },
    close() {
      const children = [...processes.values()];
      processes.clear();
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

/** Stores an update, each kind in its place. */
function record({ journal, store }: CloudParts, { id, places }: Run, update: StudyUpdate): void {
  const recorders: { [T in StudyUpdate['type']]: (update: Extract<StudyUpdate, { type: T }>) => unknown } = {
    progress: ({ phase, progress, remainingMs }) => journal.update(id, { phase, progress, remainingMs }),
    log: ({ line }) => journal.log(id, line),
    predictor: ({ predictor }) => {
      const { device, runtime } = places[0]!;
      store.predictors.add({ deviceId: device.id, studyId: id, runtime }, predictor);
    },
    priced: ({ slots, budgetMs }) => {
      journal.update(id, { budgetMs });
      journal.slots(id, slots);
    },
    search: ({ point, probabilities }) => journal.searchPoint(id, point, probabilities),
    evolution: ({ frame }) => journal.evolution(id, frame),
    individual: ({ individual, refusedCounts }) => journal.individual(id, individual, refusedCounts),
    train: ({ point }) => journal.trainPoint(id, point),
    pipelinePlan: ({ plan }) => journal.pipelinePlan(id, plan),
    pipelineStep: ({ step }) => journal.pipelineStep(id, step),
    network: ({ network }) => journal.network(id, network),
  };
  recorders[update.type](update as never);
}

/** The specification that the study was started with. */
function specOf({ store }: CloudParts, id: string): ResolvedSpec | null {
  const detail = store.studies.detail(id);
  return detail ? resolveSpec(parseSpec(detail.specYaml)) : null;
}

function archiveOf(parts: CloudParts, id: string) {
  const spec = specOf(parts, id);
  return spec && { spec, status: parts.store.studies.get(id)!.status };
}

/** A path in the specification holds wherever the cloud is started from next time. */
function placed(spec: ResolvedSpec): ResolvedSpec {
  const { source } = spec.data;
  return existsSync(source) ? { ...spec, data: { ...spec.data, source: resolve(source) } } : spec;
}

function post(child: ChildProcess, message: ToStudy): void {
  if (child.connected) child.send(message);
}
