import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory, openDatabase } from '@bespoke/cloud/store/database.js';
import { openStore, type Store } from '@bespoke/cloud/store/store.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { EvolutionFrame, IndividualView, StudyResult } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, twin, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { testIndividual } from '../../support/individual.js';
import { pipelinePlan, pipelineStep } from '../../support/pipeline.js';

function testStore(folder = temporaryFolder(), now?: () => Date): Store {
  const store = openStore(folder, now);
  onTestFinished(() => store.close());
  return store;
}

let ids = 0;
const newId = () => `job-${String(++ids).padStart(6, '0')}`;

/** How many migrations there are. */
const newest = readdirSync(join(import.meta.dirname, '../../../cloud/store/migrations')).length;

describe('openDatabase', () => {
  it('brings a new file to the newest version, in WAL, with foreign keys', () => {
    const database = openDatabase(temporaryFolder());
    onTestFinished(() => void database.close());
    expect(database.pragma('user_version', { simple: true })).toBe(newest);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1);
  });

  it('refuses a file of a newer release', () => {
    const folder = temporaryFolder();
    const database = openDatabase(folder);
    database.pragma(`user_version = ${newest + 1}`);
    database.close();
    expect(() => openDatabase(folder)).toThrow(
      `to have version ${newest} at most, but it has ${newest + 1}; it was written by a newer release`,
    );
  });
});

describe('lockDirectory', () => {
  it('keeps a second cloud off until the first gives the folder back', () => {
    const folder = temporaryFolder();
    const unlock = lockDirectory(folder);
    expect(() => lockDirectory(folder)).toThrow(/to be free, but another cloud runs on it/);
    unlock();
    lockDirectory(folder)();
  });
});

describe('Devices', () => {
  it('classes a device by its hardware, anew when that is another', () => {
    const { devices } = testStore();
    devices.save(device);
    expect(devices.classOf(device.id)).toBe('linux x64, 2 x some cpu, 7 GiB');
    devices.save({ ...device, info: { ...device.info, cpuModel: 'another cpu', memoryBytes: 2 ** 34 } });
    expect(devices.classOf(device.id)).toBe('linux x64, 2 x another cpu, 16 GiB');
    expect(devices.classOf(twin.id)).toBeUndefined();
  });
});

describe('Jobs', () => {
  it('keeps one open job per workload', () => {
    const { jobs, devices } = testStore();
    devices.save(device);
    const first = jobs.add(device.id, runtime, [workload(0), workload(1)], newId);
    const second = jobs.add(device.id, runtime, [workload(1), workload(2)], newId);
    expect(second[0]!.id).toBe(first[1]!.id);
    expect(jobs.countOpen(device.id)).toBe(3);
  });

  it('adds all jobs or none', () => {
    const { jobs } = testStore();
    expect(() => jobs.add('unknown-device', runtime, [workload(0)], newId)).toThrow(/FOREIGN KEY/);
    expect(jobs.countOpen('unknown-device')).toBe(0);
  });

  it('grants a job as a lease of who measures it, in a block', () => {
    const { jobs, leases, blocks, devices } = testStore(temporaryFolder(), () => new Date(5000));
    for (const one of [device, twin]) devices.save(one);
    const [job] = jobs.add(device.id, runtime, [workload(0)], newId);
    const lease = { id: 'lease-001', deviceId: twin.id, blockId: blocks.add(twin.id, runtime, 1).id };
    expect(jobs.grant(job!.id, lease)).toMatchObject({ state: 'leased', attempts: 1, leaseId: 'lease-001' });
    expect(leases.get('lease-001')).toEqual({ ...lease, jobId: job!.id, grantedMs: 5000, endedMs: null });
  });

  it('stores the measurement with the change of the job, once', () => {
    const store = testStore();
    store.devices.save(device);
    const { lease, job } = granted(store, 'lease-001');
    expect(store.jobs.measure(job, lease, success(2))).toBe(true);
    expect(store.jobs.measure(job, lease, success(3))).toBe(false);
    expect(store.jobs.get(job.id)!.state).toBe('provisional');
    expect(store.latencies.measurements(device.id, runtime, workloadKey(workload(0)))).toHaveLength(1);
  });

  it('gives back what was leased when the cloud stopped, without counting the attempt', () => {
    const store = testStore();
    store.devices.save(device);
    const { job } = granted(store, 'lease-001');
    expect(store.jobs.giveBackAll()).toBe(1);
    expect(store.jobs.get(job.id)).toMatchObject({ state: 'queued', attempts: 0, leaseId: null });
    expect(store.leases.get('lease-001')!.endedMs).not.toBeNull();
  });
});

/** A job for workload 0 of the device, leased by it in its open block. */
function granted(store: Store, leaseId: string) {
  const [queued] = store.jobs.add(device.id, runtime, [workload(0)], newId);
  const block = store.blocks.open()[0] ?? store.blocks.add(device.id, runtime, 1);
  const job = store.jobs.grant(queued!.id, { id: leaseId, deviceId: device.id, blockId: block.id });
  return { job, block, lease: store.leases.get(leaseId)! };
}

describe('Blocks', () => {
  it('keeps one open block per device, through a reopening', () => {
    const folder = temporaryFolder();
    const first = openStore(folder);
    first.devices.save(device);
    const block = first.blocks.change(first.blocks.add(device.id, runtime, null), { state: 'open', openingMs: 0.3 });
    expect(() => first.blocks.add(device.id, runtime, null)).toThrow(/UNIQUE/);
    first.close();
    const { blocks } = testStore(folder);
    expect(blocks.open()).toEqual([
      { id: block.id, deviceId: device.id, runtime, state: 'open', sentinelAttempts: 0, openingMs: 0.3 },
    ]);
    blocks.end(block.id, 0.31, null, 2);
    expect(blocks.open()).toEqual([]);
    expect(blocks.levelsMs(device.id, runtime, 8)).toEqual([0.3]);
  });

  it('ends with its jobs measured when good, queued again when void', () => {
    const store = testStore();
    store.devices.save(device);
    const first = granted(store, 'lease-001');
    store.jobs.measure(first.job, first.lease, success(2));
    expect(store.blocks.end(first.block.id, 1, 'drifted', 2)).toEqual([first.job.id]);
    expect(store.jobs.get(first.job.id)).toMatchObject({ state: 'queued', attempts: 0, repeats: 1 });
    const second = granted(store, 'lease-002');
    store.jobs.measure(second.job, second.lease, success(2));
    expect(store.blocks.end(second.block.id, 1, null, 2)).toEqual([first.job.id]);
    expect(store.jobs.get(first.job.id)).toMatchObject({ state: 'measured', repeats: 1 });
  });
});

describe('Latencies', () => {
  /** The measurements of workload 0, each in a block that ends with this doubt. */
  function measured(
    store: Store,
    ...all: readonly (readonly [medianMs: number, doubt: string | null, slowness?: number])[]
  ) {
    store.devices.save(device);
    for (const [index, [medianMs, doubt, slowness]] of all.entries()) {
      const { job, lease, block } = granted(store, `lease-${index}`);
      const outcome = success(medianMs);
      store.jobs.measure(job, lease, { ...outcome, host: { ...outcome.host, slowness: slowness ?? null } });
      store.blocks.end(block.id, 1, doubt, 0);
    }
  }
  const key = workloadKey(workload(0));

  it('keeps every measurement; the quietest is in the table, with what is to be said against it', () => {
    const store = testStore(temporaryFolder(), () => new Date('2026-01-02T03:04:05Z'));
    measured(store, [3, null], [2, null], [4, null]);
    const { latencies } = store;
    const doubt = 'the two quietest of 3 measurements differ by 50.0%';
    expect(latencies.table(device.id, runtime)).toEqual(
      new Map([[key, { medianMs: 2, lowMs: 1.92, highMs: 2.16, count: 3, doubt }]]),
    );
    expect(latencies.measurements(device.id, runtime, key).map(({ samplesMs }) => samplesMs)).toEqual([
      success(3).samplesMs,
      success(2).samplesMs,
      success(4).samplesMs,
    ]);
    const { samplesMs, uncountedMs, passes } = success(4);
    expect(latencies.measurements(device.id, runtime, key)[2]).toMatchObject({ samplesMs, uncountedMs, passes });
    expect(latencies.readings(device.id, runtime)).toEqual(
      new Map([[key, [2, 3, 4].map((medianMs) => ({ medianMs, slowness: 1 }))]]),
    );
    expect(latencies.list(device.id)).toEqual([latencies.get(device.id, runtime, key)]);
    expect(latencies.get(device.id, runtime, key)).toMatchObject({
      key,
      runtime,
      workload: workload(0),
      medianMs: 2,
      measuredAt: '2026-01-02T03:04:05.000Z',
    });
    expect(latencies.count(device.id)).toBe(1);
    expect(latencies.table(device.id, { ...runtime, threads: 2 }).size).toBe(0);
  });

  it('takes a good measurement before a quieter one that is doubtful', () => {
    const store = testStore();
    measured(store, [1, 'the hog stays'], [2, null]);
    expect(store.latencies.get(device.id, runtime, key)).toMatchObject({ medianMs: 2, doubt: null });
  });

  it('takes the measurement that took the least time, whatever was taken out of others for a slow device', () => {
    const store = testStore();
    measured(store, [1.9, null, 1.5], [2, null, 1.2], [1.8, null, 1.6]);
    const { latencies } = store;
    const slowed = 'the device was 1.20 times slower than at its quietest, which is taken out';
    expect(latencies.get(device.id, runtime, key)).toMatchObject({ medianMs: 2, doubt: slowed });
    expect(latencies.readings(device.id, runtime).get(key)).toEqual([
      { medianMs: 2, slowness: 1.2 },
      { medianMs: 1.9, slowness: 1.5 },
      { medianMs: 1.8, slowness: 1.6 },
    ]);
  });
});

describe('Latencies of a device that turns out quieter than it was known to be', () => {
  const key = workloadKey(workload(0));
  const start = Date.parse('2026-01-02T03:04:05Z');

  /** A store at a time, and measurements there, all of 2 ms, by the quietest that the device knows. */
  function retelling(folder = temporaryFolder()) {
    const state = { minutes: 0, leases: 0 };
    const store = testStore(folder, () => new Date(start + 60_000 * state.minutes));
    store.devices.save(device);
    const measure = (quietestMs: number | null, doubt: string | null = null) => {
      const { job, lease, block } = granted(store, `lease-${state.leases++}`);
      const outcome = success(2);
      store.jobs.measure(job, lease, { ...outcome, host: { ...outcome.host, slowness: 1, quietestMs } });
      store.blocks.end(block.id, 1, doubt, 0);
    };
    const told = () =>
      store.latencies
        .measurements(device.id, runtime, key)
        .map(({ host }) => [host.quietestMs, Number((host.slowness ?? 1).toFixed(4))]);
    return { state, store, measure, told };
  }

  it('are told again by what is known now, of the last ten minutes, with what is to be said of it', () => {
    const { state, store, measure, told } = retelling();
    measure(0.05);
    state.minutes = 11;
    measure(0.05);
    measure(0.05, 'the hog stays');
    measure(0.04);
    expect(told()).toEqual([
      [0.05, 1],
      [0.04, 1.25],
      [0.04, 1.25],
      [0.04, 1],
    ]);
    const [, slowed, hogged] = store.latencies.measurements(device.id, runtime, key);
    const before = success(2);
    expect(slowed).toMatchObject({
      verdict: 'doubtful',
      samplesMs: before.samplesMs.map((ms) => expect.closeTo(0.8 * ms, 9)),
      uncountedMs: before.uncountedMs.map((ms) => expect.closeTo(0.8 * ms, 9)),
      overheadMs: expect.closeTo(0.8 * before.overheadMs, 9),
      passes: before.passes.map((pass) => ({ ...pass, slowness: expect.closeTo(1.25, 9) })),
      doubt: expect.stringContaining('the device was 1.25 times slower than at its quietest'),
    });
    expect(hogged).toMatchObject({ verdict: 'doubtful', doubt: 'the hog stays' });
    // All took 2 ms, two of them on a slow device; the good ones stand first.
    const readings = store.latencies.readings(device.id, runtime).get(key)!;
    expect(readings.map(({ medianMs, slowness }) => Number((medianMs * slowness).toFixed(9)))).toEqual([2, 2, 2, 2]);
    expect(store.latencies.get(device.id, runtime, key)).toMatchObject({ medianMs: 2, doubt: null });
  });

  it('stay where it is no more than looks differ by; small steps add up; who has no pace tells nothing', () => {
    const { measure, told } = retelling();
    measure(0.0403);
    measure(0.04);
    measure(null);
    const quietest = () => told().map(([ms]) => ms);
    expect(quietest()).toEqual([0.0403, 0.04, null]);
    measure(0.0398);
    expect(quietest()).toEqual([0.0398, 0.04, null, 0.0398]);
    measure(0.0395);
    expect(quietest()).toEqual([0.0398, 0.0395, null, 0.0398, 0.0395]);
  });

  it('are told again before their block has ended, and are judged with it', () => {
    const { store } = retelling();
    const block = store.blocks.add(device.id, runtime, 1);
    const ids = store.jobs.add(device.id, runtime, [workload(0), workload(1)], newId).map(({ id }) => id);
    for (const [index, quietestMs] of [0.05, 0.04].entries()) {
      const id = `lease-open-${index}`;
      const job = store.jobs.grant(ids[index]!, { id, deviceId: device.id, blockId: block.id });
      const outcome = success(2);
      store.jobs.measure(job, store.leases.get(id)!, {
        ...outcome,
        host: { ...outcome.host, slowness: 1, quietestMs },
      });
    }
    const first = () => store.latencies.measurements(device.id, runtime, key)[0]!;
    expect(first()).toMatchObject({ verdict: 'provisional', host: { quietestMs: 0.04 } });
    expect(store.blocks.end(block.id, 1, null, 2)).toEqual(ids);
    expect(first()).toMatchObject({ verdict: 'doubtful', doubt: expect.stringContaining('1.25 times slower') });
  });

  it('are told again in the tables of all devices that it measured for', () => {
    const store = testStore();
    for (const one of [device, twin]) store.devices.save(one);
    const told = ({ id }: { id: string }) =>
      store.latencies.measurements(id, runtime, key).map(({ host }) => host.quietestMs);
    /** `twin` measures for the device with this id. */
    const measure = (deviceId: string, leaseId: string, quietestMs: number) => {
      const [queued] = store.jobs.add(deviceId, runtime, [workload(0)], newId);
      const block = store.blocks.add(twin.id, runtime, 1);
      const job = store.jobs.grant(queued!.id, { id: leaseId, deviceId: twin.id, blockId: block.id });
      const outcome = success(2);
      const host = { ...outcome.host, slowness: 1, quietestMs };
      store.jobs.measure(job, store.leases.get(leaseId)!, { ...outcome, host });
      store.blocks.end(block.id, 1, null, 0);
    };
    measure(device.id, 'lease-a', 0.05);
    measure(twin.id, 'lease-b', 0.04);
    expect([told(device), told(twin)]).toEqual([[0.04], [0.04]]);
  });

  it('are found after a restart', () => {
    const folder = temporaryFolder();
    const before = retelling(folder);
    before.measure(0.05);
    before.store.close();
    const after = retelling(folder);
    after.state.leases = 1;
    after.measure(0.04);
    expect(after.told()).toEqual([
      [0.04, 1.25],
      [0.04, 1],
    ]);
  });
});

describe('Artifacts', () => {
  it('keeps bytes under their hash, once, and leaves nothing half-written', () => {
    const folder = temporaryFolder();
    const { artifacts } = testStore(folder);
    const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    for (let time = 0; time < 2; time++) expect(artifacts.put(Buffer.from('hello'))).toEqual({ sha256, byteCount: 5 });
    expect(artifacts.read(sha256).toString()).toBe('hello');
    expect(readdirSync(join(folder, 'artifacts'))).toEqual([sha256]);
    expect(() => artifacts.read('../bespoke.sqlite')).toThrow(
      'expected a file, but there is none with the name ../bespoke.sqlite',
    );
  });
});

describe('Secrets', () => {
  it('knows a secret by its hash until it expires', () => {
    let time = 0;
    const folder = temporaryFolder();
    const { secrets } = testStore(folder, () => new Date(time));
    secrets.add('session', 'the-secret', 1000);
    expect([
      secrets.has('session', 'the-secret'),
      secrets.has('pairing', 'the-secret'),
      secrets.has('session', 'other'),
    ]).toEqual([true, false, false]);
    time = 1000;
    expect(secrets.has('session', 'the-secret')).toBe(false);
    for (const file of readdirSync(folder)) expect(readFileSync(join(folder, file)).includes('the-secret')).toBe(false);
  });
});

describe('Studies', () => {
  const study = { id: 'study-1', name: 'flowers', deviceId: device.id, specYaml: 'seed: 1\n' };

  it('counts none of the time that a study rests, and knows after a reopening that it does', () => {
    const folder = temporaryFolder();
    let time = Date.parse('2026-01-02T03:00:00Z');
    const store = openStore(folder, () => new Date(time));
    store.studies.add(study);
    const startMs = time;
    time += 60_000;
    expect(store.studies.pause(study.id).status).toBe('paused');
    time += 5_000;
    expect(store.studies.pause(study.id).status).toBe('paused'); // again: nothing changes
    store.close();

    const { studies } = testStore(folder, () => new Date(time));
    expect(studies.all().map(({ status }) => status)).toEqual(['paused']);
    expect(studies.resume(study.id).status).toBe('running');
    expect(studies.clock(study.id)).toEqual({ startMs: startMs + 5_000, stoppingPhase: null });
    studies.stop(study.id, 'search');
    expect(studies.clock(study.id).stoppingPhase).toBe('search');
    expect(studies.update(study.id, { status: 'finished' }).status).toBe('finished');
    expect(studies.pause(study.id).status).toBe('finished');
  });

  const frame: EvolutionFrame = {
    objectives: [{ name: 'error', unit: 'share', limit: null }],
    evaluationCount: 9,
    populationSize: 3,
  };
  const individual: IndividualView = { ...testIndividual, hypervolume: null };

  it('keeps what a study says across a reopening', () => {
    const folder = temporaryFolder();
    const store = openStore(folder, () => new Date('2026-01-02T03:04:05Z'));
    store.studies.add(study);
    const point = { step: 10, stepCount: 100, loss: 2, accuracy: 0.3, expectedMs: 4 };
    store.studies.setSlots(study.id, [{ id: 'b1', candidates: ['k3 e3', 'skip'], latenciesMs: [1, 0] }]);
    store.studies.addSearchPoint(study.id, point, [[0.4, 0.6]]);
    // After a resumption the same step comes again: the later point stands.
    store.studies.addSearchPoint(study.id, { ...point, loss: 1.9 }, [[0.3, 0.7]]);
    store.studies.addTrainPoint(study.id, { step: 1, stepCount: 5, loss: 3, accuracy: 0.1 });
    store.studies.setEvolution(study.id, frame);
    store.studies.addIndividual(study.id, { ...individual, seconds: 9 }, { params: 1, latency: 2 });
    // After a resumption the same individual comes again.
    store.studies.addIndividual(study.id, individual, { params: 1, latency: 3 });
    store.studies.setPipelinePlan(study.id, { ...pipelinePlan, reason: 're-cut' });
    store.studies.setPipelineStep(study.id, pipelineStep);
    // A step is of the plan before it.
    store.studies.setPipelinePlan(study.id, pipelinePlan);
    expect(store.studies.detail(study.id)!.pipeline).toEqual({ plan: pipelinePlan, step: null });
    store.studies.setPipelineStep(study.id, { ...pipelineStep, step: 1 });
    store.studies.setPipelineStep(study.id, pipelineStep);
    store.studies.addLine(study.id, 'first line');
    store.studies.addLine(study.id, 'second line');
    const result: StudyResult = {
      device: 'bench',
      runtime: 'tflite',
      threads: 1,
      budgetMs: 5,
      predictedMs: 4,
      measuredMs: 4.1,
      accuracy: 0.8,
      params: 10,
      macs: 20,
      model: 'model.tflite',
    };
    store.studies.update(study.id, { status: 'finished', phase: 'verify', progress: 1, budgetMs: 5, result });
    store.close();

    const { studies } = testStore(folder);
    expect(studies.detail(study.id)).toEqual({
      ...study,
      createdAt: '2026-01-02T03:04:05.000Z',
      status: 'finished',
      phase: 'verify',
      progress: 1,
      remainingMs: null,
      engine: null,
      budgetMs: 5,
      error: null,
      result,
      slots: [{ id: 'b1', candidates: ['k3 e3', 'skip'], latenciesMs: [1, 0] }],
      probabilities: [[0.3, 0.7]],
      searchPoints: [{ ...point, loss: 1.9 }],
      trainPoints: [{ step: 1, stepCount: 5, loss: 3, accuracy: 0.1 }],
      evolution: { ...frame, individuals: [individual], refusedCounts: { params: 1, latency: 3 } },
      pipeline: { plan: pipelinePlan, step: pipelineStep },
      network: null,
      predictionError: null,
      log: ['first line', 'second line'],
    });
    expect(studies.detail('other')).toBeUndefined();
  });
});
