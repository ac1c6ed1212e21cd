/**
 * `bespoke train` in a terminal: kill -9 of the command, or an interrupt, in the middle of a pipelined training; called again it ends with the files of a training
 * that was never disturbed, and no process is left behind.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from '@bespoke/shared/network/block.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../support/command.js';
import { temporaryFolder } from '../support/folder.js';
import { Program } from '../support/program.js';
import { until } from '../support/until.js';

const block = (id: string): Block => ({
  id,
  kind: 'mbconv',
  outChannels: 8,
  kernelSize: 3,
  stride: 1,
  expandRatio: 2,
  activation: 'relu6',
  squeezeExcite: false,
});
const network: Network = {
  version: 1,
  name: 'tiny',
  input: { height: 32, width: 32, channels: 3 },
  blocks: [
    { kind: 'conv', id: 'stem', outChannels: 8, kernelSize: 3, stride: 2, activation: 'relu6' },
    block('a'),
    block('b'),
    { kind: 'head', id: 'head', classes: 10 },
  ],
};

/** Processes whose parent is `pid`. */
function childrenOf(pid: number): readonly string[] {
  const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows.map((row) => row.trim().split(/\s+/)).flatMap(([child, parent]) => (parent === `${pid}` ? [child!] : []));
}

const isAlive = (pid: string) => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
};

describe('bespoke train', () => {
  it('survives kill -9 and an interrupt, and ends with the same bytes', { timeout: 600_000 }, async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'tiny.json');
    writeFileSync(file, JSON.stringify(network));
    const words = (name: string, stageCount: number) => [
      ...['train', file, '--data', 'synthetic', '--steps', '200', '--batch-size', '20'],
      ...[
        '--pipeline',
        `${stageCount}`,
        '--micro-batches',
        '3',
        '--threads',
        '1',
        '--checkpoint-seconds',
        '0.1',
        '--json',
      ],
      ...['--data-directory', folder, '--out', join(folder, name)],
    ];
    const filesOf = (name: string) =>
      ['weights.safetensors', 'model.tflite'].map((part) => readFileSync(join(folder, name, part)));

    const whole = await runToEnd('bespoke', words('whole', 2));
    expect(whole.code, whole.stderr).toBe(0);
    const result = JSON.parse(whole.stdout);
    expect(result).toMatchObject({ network: 'tiny', weights: join(folder, 'whole', 'weights.safetensors') });
    expect(result.accuracy).toBeGreaterThan(0.05);

    const killed = new Program('../cloud/bin/bespoke.js', words('disturbed', 2));
    await until('a third', () => killed.stderr.includes('training 30%'), 200_000);
    const children = childrenOf(killed.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    await killed.kill('SIGKILL');
    await until('the stages end with it', () => !children.some(isAlive), 20_000);

    const interrupted = new Program('../cloud/bin/bespoke.js', words('disturbed', 3));
    await until('half', () => interrupted.stderr.includes('training 50%'), 200_000);
    expect(interrupted.stderr).toContain('pipeline goes on: 3 stages');
    expect(await interrupted.kill('SIGINT')).toBe(1);
    expect(interrupted.stderr).toContain('the same command goes on from there [TRAINING_STOPPED]');

    const last = await runToEnd('bespoke', words('disturbed', 1));
    expect(last.code, last.stderr).toBe(0);
    expect(filesOf('disturbed')).toEqual(filesOf('whole'));

    const other = await runToEnd('bespoke', [...words('disturbed', 1), '--learning-rate', '0.2']);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('[CHECKPOINT_FOREIGN]');
  });
});
