/**
 * An agent installed alone, as on a small device: `npm ci -w agent` in a fresh copy of the project builds what it needs, stays
 * small, and runs. The copy has what git would clone, with the changes of the working tree.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testCloud } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';
import { until } from '../support/until.js';

const root = join(import.meta.dirname, '..', '..');
const limitMb = 150;

function copyProject(): string {
  const folder = temporaryFolder();
  const kinds = ['--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', ['ls-files', ...kinds], { cwd: root, encoding: 'utf8' });
  for (const path of listed.split('\0').filter((each) => each !== '' && existsSync(join(root, each))))
    cpSync(join(root, path), join(folder, path));
  return folder;
}

/** Megabytes of files on the disk, links not followed. */
function sizeMb(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + (statSync(join(parentPath, name)).blocks * 512) / 2 ** 20, 0);
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
}

/** Megabytes that a process and its children hold. */
function residentMb(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce<number>((sum, each) => {
    const [, kb] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${each}/status`, 'utf8'))!;
    return sum + Number(kb) / 1024;
  }, 0);
}

describe('npm ci -w agent', () => {
  it(`installs an agent of less than ${limitMb} MB that runs in less than ${limitMb} MB`, {
    timeout: 300_000,
  }, async () => {
    const folder = copyProject();
    execFileSync('npm', ['ci', '-w', 'agent', '--prefer-offline', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: 'pipe',
    });
    const installedMb = sizeMb(join(folder, 'node_modules'));
    console.info(`agent alone: ${installedMb.toFixed(0)} MB in node_modules`);
    expect(installedMb).toBeLessThan(limitMb);
    for (const heavy of ['onnxruntime-node', 'webgpu', '@tensorflow/tfjs-node', 'better-sqlite3'])
      expect(existsSync(join(folder, 'node_modules', heavy)), heavy).toBe(false);

    const cloud = await testCloud();
    const agent = join(folder, 'node_modules', '.bin', 'bespoke-agent');
    const state = ['--state', join(folder, 'state.json')];
    const pairing = spawn(agent, ['pair', cloud.url, ...state], { stdio: ['pipe', 'ignore', 'inherit'] });
    pairing.stdin.end(cloud.newPairingCode().code);
    expect(await once(pairing, 'close')).toEqual([0, null]);
    const child = spawn(agent, ['run', ...state], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await until('it joins', () => cloud.store.devices.all()[0]);
    console.info(`agent alone: ${residentMb(child.pid!).toFixed(0)} MB resident with its measuring process`);
    await until('the measuring process ends', () => childrenOf(child.pid!).length === 0, 60_000);
    const idleMb = residentMb(child.pid!);
    console.info(`agent alone: ${idleMb.toFixed(0)} MB resident when idle`);
    expect(idleMb).toBeLessThan(limitMb);
    const [device] = cloud.store.devices.all();
    expect(device!.runtimes.map(({ runtime }) => runtime)).toContain('tflite');
    expect(device!.info.possibleRuntimes).toEqual(['onnx', 'tfjs-webgpu', 'tfjs-tensorflow']);
  });
});
