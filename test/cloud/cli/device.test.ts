import { execFileSync } from 'node:child_process';
import { openStore } from '@bespoke/cloud/store/store.js';
import { describe, expect, it } from 'vitest';
import { bespoke } from '../../support/cloud-process.js';
import { device, runtime, twin, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

function run(...args: string[]): string {
  return execFileSync(process.execPath, [bespoke, 'device', ...args], { encoding: 'utf8', stdio: 'pipe' });
}

describe('bespoke device', () => {
  it('shows jobs in quarantine with the logs of both devices, and releases them', () => {
    const folder = temporaryFolder();
    const store = openStore(folder);
    for (const one of [device, twin]) store.devices.save(one);
    const [{ id }] = store.jobs.add(device.id, runtime, [workload(0)], () => 'job-00000001') as unknown as [
      { id: string },
    ];
    for (const [one, state] of [[device, null] as const, [twin, 'quarantined'] as const]) {
      const blockId = store.blocks.add(one.id, runtime, 1).id;
      const job = store.jobs.grant(id, { id: `lease-of-${one.id}`, deviceId: one.id, blockId });
      const why = { ok: false, reason: 'crashed', log: `signal 11 on ${one.name}` } as const;
      if (state) store.jobs.fail(job, state, why);
      else store.jobs.giveBack(job, why);
    }
    store.close();
    const shown = run('quarantine', '--data-directory', folder);
    expect(shown.split('\n').slice(0, 3)).toEqual([
      'job-00000001  conv k3 on 8x8x3  (tflite, 1 thread(s))',
      '  bench: signal 11 on bench',
      '  bench twin: signal 11 on bench twin',
    ]);
    expect(run('release', id, '--data-directory', folder)).toBe('job-00000001 is released\n');
    expect(run('quarantine', '--data-directory', folder)).toBe('no job is in quarantine\n');
    expect(() => run('release', id, '--data-directory', folder)).toThrow(
      /expected a job in quarantine, but there is none/,
    );
  });
});
