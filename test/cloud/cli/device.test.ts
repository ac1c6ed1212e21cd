import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerDevice } from '@bespoke/cloud/cli/device.js';
import { runCommand } from '@bespoke/cloud/cli/output.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { device, runtime, success, twin, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

let written: MockInstance<typeof process.stdout.write>;
let complained: MockInstance<typeof process.stderr.write>;
beforeEach(() => {
  written = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  complained = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
});
afterEach(() => {
  written.mockRestore();
  complained.mockRestore();
  process.exitCode = 0;
});

const textOf = (spy: MockInstance) => spy.mock.calls.map(([text]) => String(text)).join('');

/** What `bespoke device <argv>` prints on stdout. */
async function run(folder: string, ...argv: string[]): Promise<string> {
  written.mockClear();
  const program = new Command('bespoke').configureOutput({ writeErr: () => {} });
  registerDevice(program);
  await runCommand(program, ['node', 'bespoke', 'device', ...argv, '--data-directory', folder]);
  return textOf(written);
}

/** A data folder with a device that has measured one workload. */
function measuredFolder(): string {
  const folder = temporaryFolder();
  const store = openStore(folder);
  store.devices.save(device);
  const [{ id } = { id: '' }] = store.jobs.add(device.id, runtime, [workload(0)], () => 'job-000001');
  const block = store.blocks.add(device.id, runtime, 1);
  const job = store.jobs.grant(id, { id: 'lease-00001', deviceId: device.id, blockId: block.id });
  store.jobs.measure(job, store.leases.get('lease-00001')!, success(2));
  store.blocks.end(block.id, 1, null, 0);
  store.close();
  return folder;
}

describe('registerDevice', () => {
  it('prints a table by the name of its device', async () => {
    const folder = measuredFolder();
    expect(await run(folder, 'table', 'bench')).toBe(
      '2.0000 ms [1.9200, 2.1600] n=3  conv k3 on 8x8x3  (tflite, 1 thread(s))\n',
    );
    expect(JSON.parse(await run(folder, 'table', 'bench', '--json'))).toMatchObject([{ medianMs: 2 }]);
  });

  it.each(['csv', 'json'])('carries a table from one cloud to another, as %s', async (format) => {
    const [from, to] = [measuredFolder(), temporaryFolder()];
    const path = join(from, 'table');
    expect(await run(from, 'table', 'export', 'bench', '--format', format, '--out', path)).toBe('');
    expect(await run(to, 'table', 'import', path)).toBe('1 latencies of bench imported\n');
    expect(await run(to, 'table', 'bench')).toMatch(/^2\.0000 ms .* in doubt: imported\n$/);
    expect(await run(to, 'ls')).toMatch(/0 workloads measured, 1 imported/);
    expect(await run(to, 'table', 'export', 'bench', '--format', format)).toBe(readFileSync(path, 'utf8'));
  });

  it('imports nothing of a bad file, and says where it is bad', async () => {
    const [from, to] = [measuredFolder(), temporaryFolder()];
    const good = await run(from, 'table', 'export', 'bench', '--format', 'json');
    const path = join(to, 'bad.jsonl');
    writeFileSync(path, `${good}{"key": 1}\n`);
    await run(to, 'table', 'import', path);
    expect(textOf(complained)).toMatch(/bad\.jsonl, line 3, \$\.key: .*; nothing was imported \[TABLE_INVALID\]/);
    expect(process.exitCode).toBe(1);
    expect(await run(to, 'ls')).toMatch(/no devices yet/);
  });

  it('shows jobs in quarantine with the logs of both devices, and releases them', async () => {
    const folder = temporaryFolder();
    const store = openStore(folder);
    for (const one of [device, twin]) store.devices.save(one);
    const [{ id } = { id: '' }] = store.jobs.add(device.id, runtime, [workload(0)], () => 'job-00000001');
    for (const [one, state] of [[device, null] as const, [twin, 'quarantined'] as const]) {
      const blockId = store.blocks.add(one.id, runtime, 1).id;
      const job = store.jobs.grant(id, { id: `lease-of-${one.id}`, deviceId: one.id, blockId });
      const why = { ok: false, reason: 'crashed', log: `signal 11 on ${one.name}` } as const;
      if (state) store.jobs.fail(job, state, why);
      else store.jobs.giveBack(job, why);
    }
    store.close();
    expect((await run(folder, 'quarantine')).split('\n').slice(0, 3)).toEqual([
      'job-00000001  conv k3 on 8x8x3  (tflite, 1 thread(s))',
      '  bench: signal 11 on bench',
      '  bench twin: signal 11 on bench twin',
    ]);
    expect(await run(folder, 'release', id)).toBe('job-00000001 is released\n');
    expect(await run(folder, 'quarantine')).toBe('no job is in quarantine\n');
    await run(folder, 'release', id);
    expect(textOf(complained)).toMatch(/expected a job in quarantine, but there is none/);
  });

  it('knows no device of another name', async () => {
    await run(measuredFolder(), 'table', 'export', 'other');
    expect(textOf(complained)).toMatch(/expected a device, but there is none with the name other/);
  });
});
