/** A database of the first release, brought to the newest version: what was measured is still there, marked for what it is. */
import { join } from 'node:path';
import { unguarded } from '@bespoke/cloud/fleet/sentinel.js';
import { networkWorkload } from '@bespoke/cloud/search/predictor.js';
import { migrations } from '@bespoke/cloud/store/database.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import Sqlite from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

/** A database after so many migrations, filled, and opened by the newest version; closed when the test ends. */
function upgraded(count: number, fill: (old: Sqlite.Database) => void) {
  const folder = temporaryFolder();
  const old = new Sqlite(join(folder, 'bespoke.sqlite'));
  for (const migration of migrations.slice(0, count)) old.exec(migration);
  fill(old);
  old.pragma(`user_version = ${count}`);
  old.close();
  const store = openStore(folder);
  onTestFinished(() => store.close());
  return store;
}

function addDevice(old: Sqlite.Database): void {
  old
    .prepare(
      "INSERT INTO devices (id, name, info, runtimes, first_seen, last_seen) VALUES (?, ?, ?, ?, '2026', '2026')",
    )
    .run(device.id, device.name, JSON.stringify(device.info), JSON.stringify(device.runtimes));
}

/** A good one of 2 ms, by the tables of migrations 10 and 11. */
function addMeasurement(old: Sqlite.Database, of: Workload, by: RuntimeKey): void {
  old.prepare('INSERT OR IGNORE INTO workloads VALUES (?, ?)').run(workloadKey(of), canonicalJson(of));
  const key = workloadKey(of);
  const values = { id: canonicalJson([by, key]), device: device.id, runtime: canonicalJson(by), key };
  old
    .prepare(
      "INSERT INTO jobs (id, device_id, runtime, workload_key, state, attempts, created) VALUES (@id, @device, @runtime, @key, 'measured', 1, '2026')",
    )
    .run(values);
  old
    .prepare(
      "INSERT INTO measurements (job_id, measured_by, verdict, device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, uncounted_ms, passes, overhead_ms, batch_size, host, measured) VALUES (@id, @device, 'good', @device, @runtime, @key, 2, 1, 3, 1, x'0000000000000040', x'', '[]', 0, 1, @host, '2026')",
    )
    .run({ ...values, host: JSON.stringify(success(1).host) });
}

/** Of the measurement that was added last. */
function amendMeasurement(old: Sqlite.Database, set: string, value: number): void {
  old.prepare(`UPDATE measurements SET ${set} WHERE id = last_insert_rowid()`).run(value);
}

/** One that ended well, and whose sentinel took 0.1 ms. */
function addBlock(old: Sqlite.Database, by: RuntimeKey): void {
  old
    .prepare(
      "INSERT INTO blocks (device_id, runtime, state, opening_ms, closing_ms, opened, ended, sentinel) VALUES (?, ?, 'good', 0.1, 0.1, '2026', '2026', ?)",
    )
    .run(device.id, canonicalJson(by), workloadKey(sentinel));
}

/** Of which most migrations say nothing. */
const webgpu: RuntimeKey = { ...runtime, runtime: 'tfjs-webgpu' };

describe('migrations', () => {
  it('keep jobs and measurements, say that no sentinel watched over them, and take for open what has not ended', () => {
    const [runtimeText, key, host] = [
      canonicalJson(runtime),
      workloadKey(workload(0)),
      JSON.stringify(success(1).host),
    ];
    const store = upgraded(1, (old) => {
      addDevice(old);
      old.prepare('INSERT INTO workloads VALUES (?, ?)').run(key, canonicalJson(workload(0)));
      const job = old.prepare(
        "INSERT INTO jobs (id, device_id, runtime, workload_key, state, attempts, lease_id, created) VALUES (?, ?, ?, ?, ?, 1, ?, '2026')",
      );
      job.run('job-measured', device.id, runtimeText, key, 'measured', null);
      job.run('job-leased', device.id, runtimeText, key, 'leased', 'lease-000');
      old
        .prepare(
          "INSERT INTO measurements (job_id, device_id, runtime, workload_key, median_ms, low_ms, high_ms, count, samples_ms, overhead_ms, batch_size, host, measured) VALUES ('job-measured', ?, ?, ?, 2, 1, 3, 1, x'0000000000000040', 0, 1, ?, '2026')",
        )
        .run(device.id, runtimeText, key, host);
    });
    expect(store.latencies.get(device.id, runtime, key)).toMatchObject({
      medianMs: 2,
      doubt: 'measured before sentinels watched over the device',
    });
    expect(store.latencies.measurements(device.id, runtime, key)).toMatchObject([
      { samplesMs: [2], measuredBy: device.id },
    ]);
    expect(store.devices.classOf(device.id)).toBe('linux x64, 2 x some cpu, 7 GiB');
    expect(store.jobs.countOpen(device.id)).toBe(1);
    expect(store.jobs.giveBackAll()).toBe(1);
    expect(store.jobs.queued()).toMatchObject([{ id: 'job-leased', attempts: 0, repeats: 0 }]);
  });

  it('know that the search of a study was to end', () => {
    const store = upgraded(7, (old) => {
      const study = old.prepare(
        "INSERT INTO studies (id, name, device_id, spec_yaml, created, status, phase, progress, stopping) VALUES (?, 'flowers', 'device', '', '2026', 'running', 'search', 0, ?)",
      );
      study.run('asked', 1);
      study.run('left alone', 0);
    });
    const stoppingPhases = ['asked', 'left alone'].map((id) => store.studies.clock(id).stoppingPhase);
    expect(stoppingPhases).toEqual(['search', null]);
    expect(store.studies.detail('asked')).toMatchObject({ phase: 'search', pipeline: null });
  });

  it('compare no sentinel with that of versions before', () => {
    const store = upgraded(8, (old) => {
      addDevice(old);
      old
        .prepare(
          "INSERT INTO blocks (device_id, runtime, state, opening_ms, closing_ms, opened, ended) VALUES (?, ?, 'good', 0.1, 0.1, '2026', '2026')",
        )
        .run(device.id, canonicalJson(runtime));
      old
        .prepare(
          "INSERT INTO blocks (device_id, runtime, state, opening_ms, opened) VALUES (?, ?, 'open', 0.1, '2026')",
        )
        .run(device.id, canonicalJson(runtime));
    });
    const [open] = store.blocks.open();
    expect(open!.openingMs).toBeNull(); // the sentinel that closes it is another
    store.blocks.end(open!.id, 0.3, unguarded, 0);
    const block = store.blocks.add(device.id, runtime, 0.3);
    expect(store.blocks.levelsMs(device.id, runtime, 8)).toEqual([0.3]);
    expect(store.blocks.readings(device.id).map(({ medianMs }) => medianMs)).toEqual([0.3]);
    store.blocks.end(block.id, 0.3, null, 0);
    expect(store.blocks.wereVoid(device.id, runtime, 8)).toEqual([false]);
  });

  it('have pieces on several threads measured again, whose numbers were too short, and nothing else', () => {
    const file: Workload = { kind: 'file', format: 'tflite', sha256: '0'.repeat(64), byteCount: 8 };
    const runtimes = [webgpu, { ...webgpu, threads: 2 }];
    const store = upgraded(10, (old) => {
      addDevice(old);
      for (const one of runtimes) {
        for (const each of [workload(0), file]) addMeasurement(old, each, one);
        addBlock(old, one);
      }
    });
    const [single, several] = runtimes as [RuntimeKey, RuntimeKey];
    const [piece, whole] = [workload(0), file].map(workloadKey) as [string, string];
    const countOf = (one: RuntimeKey, key: string) => store.latencies.readings(device.id, one).get(key)?.length ?? 0;
    expect([countOf(single, piece), countOf(single, whole), countOf(several, whole)]).toEqual([1, 1, 1]);
    expect(countOf(several, piece)).toBe(0);
    expect(store.latencies.get(device.id, several, piece)?.doubt).toContain('told too short');
    expect(store.blocks.levelsMs(device.id, single, 8)).toEqual([0.1]);
    expect(store.blocks.levelsMs(device.id, several, 8)).toEqual([]);
  });

  it('have cells measured again by TensorFlow Lite, whose files took longer, and nothing else', () => {
    const others: RuntimeKey = { ...runtime, runtime: 'tfjs-wasm' };
    const part: Workload = {
      kind: 'block',
      body: { kind: 'cell-part', part: { kind: 'op', op: 'skip_connect', stride: 2 } },
      inputShapes: [[8, 8, 8]],
      dtype: 'float32',
      batch: 1,
    };
    const whole: Workload = networkWorkload(zooNetwork('eeea-a', { cells: 5, channels: 16 }));
    const store = upgraded(11, (old) => {
      addDevice(old);
      for (const by of [runtime, others]) for (const of of [workload(0), part, whole]) addMeasurement(old, of, by);
    });
    const countOf = (by: RuntimeKey, of: Workload) =>
      store.latencies.readings(device.id, by).get(workloadKey(of))?.length ?? 0;
    expect([workload(0), part, whole].map((of) => countOf(runtime, of))).toEqual([1, 0, 0]);
    expect([workload(0), part, whole].map((of) => countOf(others, of))).toEqual([1, 1, 1]);
    expect(store.latencies.get(device.id, runtime, workloadKey(whole))?.doubt).toContain('written otherwise');
  });

  it('have all measured again by ONNX Runtime, which may have been told too short', () => {
    const onnx: RuntimeKey = { ...runtime, runtime: 'onnx' };
    const store = upgraded(12, (old) => {
      addDevice(old);
      for (const by of [webgpu, onnx]) {
        addMeasurement(old, workload(0), by);
        addBlock(old, by);
      }
    });
    const countOf = (by: RuntimeKey) =>
      store.latencies.readings(device.id, by).get(workloadKey(workload(0)))?.length ?? 0;
    expect([webgpu, onnx].map(countOf)).toEqual([1, 0]);
    expect([webgpu, onnx].map((by) => store.blocks.levelsMs(device.id, by, 8))).toEqual([[0.1], []]);
  });

  it("have nothing left of the pace that WebAssembly's own block told", () => {
    const wasm: RuntimeKey = { ...runtime, runtime: 'tfjs-wasm' };
    const store = upgraded(13, (old) => {
      addDevice(old);
      for (const by of [webgpu, wasm]) {
        for (const [index, slowness] of [1.04, 1.3].entries()) {
          addMeasurement(old, workload(index), by);
          amendMeasurement(old, "host = json_set(host, '$.quietestMs', 0.12, '$.slowness', ?)", slowness);
        }
        addBlock(old, by);
      }
    });
    const told = (by: RuntimeKey) =>
      [0, 1].flatMap((index) =>
        store.latencies
          .measurements(device.id, by, workloadKey(workload(index)))
          .map(({ verdict, host }) => [verdict, host.quietestMs]),
      );
    expect(told(webgpu)).toEqual(Array(2).fill(['good', 0.12]));
    expect(told(wasm)).toEqual(['good', 'void'].map((verdict) => [verdict, null]));
    expect([webgpu, wasm].map((by) => store.blocks.levelsMs(device.id, by, 8))).toEqual([[0.1], []]);
  });

  it('have what copies may have slowed measured again, by TensorFlow Lite on Linux and by tfjs on processors', () => {
    const threads: RuntimeKey = { ...runtime, threads: 2 };
    const wasm: RuntimeKey = { ...runtime, runtime: 'tfjs-wasm' };
    const onnx: RuntimeKey = { ...runtime, runtime: 'onnx' };
    const keys = [runtime, threads, wasm, onnx, webgpu];
    const overheadsMs = [0.001, 0.15, 0.25]; // of 2 ms
    const toldOn = (platform: string) => {
      const store = upgraded(14, (old) => {
        addDevice(old);
        old.prepare("UPDATE devices SET info = json_set(info, '$.platform', ?)").run(platform);
        for (const by of keys) {
          for (const [index, overheadMs] of overheadsMs.entries()) {
            addMeasurement(old, workload(index), by);
            amendMeasurement(old, "overhead_ms = ?, host = json_set(host, '$.quietestMs', 0.12)", overheadMs);
          }
          addBlock(old, by);
        }
      });
      return keys.map((by) => {
        const measured = overheadsMs.flatMap((_, index) =>
          store.latencies.measurements(device.id, by, workloadKey(workload(index))),
        );
        const voidCount = measured.filter(({ verdict }) => verdict === 'void').length;
        const knowQuietest = measured.every(({ host }) => host.quietestMs === 0.12);
        return [by.runtime, voidCount, knowQuietest, store.blocks.levelsMs(device.id, by, 8).length];
      });
    };
    expect(toldOn('linux')).toEqual([
      ['tflite', 1, false, 0],
      ['tflite', 3, false, 0],
      ['tfjs-wasm', 1, true, 0],
      ['onnx', 0, true, 1],
      ['tfjs-webgpu', 0, true, 1],
    ]);
    expect(toldOn('darwin')).toEqual([
      ['tflite', 0, true, 1],
      ['tflite', 0, true, 1],
      ['tfjs-wasm', 1, true, 0],
      ['onnx', 0, true, 1],
      ['tfjs-webgpu', 0, true, 1],
    ]);
  });

  it('queue jobs again whose measurement is void before its block has ended', () => {
    const store = upgraded(14, (old) => {
      addDevice(old);
      for (const [index, overheadMs] of [0.25, 0.001].entries()) {
        addMeasurement(old, workload(index), runtime);
        amendMeasurement(old, "overhead_ms = ?, verdict = 'provisional'", overheadMs);
        old
          .prepare("UPDATE jobs SET state = 'provisional', ended = NULL WHERE workload_key = ?")
          .run(workloadKey(workload(index)));
      }
    });
    expect(store.jobs.queued().map(({ workload }) => workload)).toEqual([workload(0)]);
  });
});
