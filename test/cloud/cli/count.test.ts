import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = join(dirname(fileURLToPath(import.meta.url)), '../../../cloud/dist/main.js');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bespoke-count-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function count(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'count', ...words], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const cells = [
  ['sep_conv_3x3', 0],
  ['sep_conv_3x3', 1],
];
const genotype = { normal: cells, normalConcat: [2], reduce: cells, reduceConcat: [2] };

describe('bespoke count', { timeout: 120_000 }, () => {
  it('prints one line of JSON', () => {
    expect(count('eeea-a', '--json')).toEqual({
      status: 0,
      stdout: '{"params":1769230,"macs":271008576}\n',
      stderr: '',
    });
  });

  it('prints a table for people', () => {
    const { stdout } = count('proxyless-mobile');
    expect(stdout).toContain('params            4,080,512\n');
    expect(stdout).toContain('MACs              320,427,584\n');
  });

  it('takes options', () => {
    expect(count('eeea-a', '--channels', '32', '--json').stdout).toContain('"params":1406634');
    expect(count('eeea-a', '--squeeze-excite', '--classes', '10', '--cells', '20', '--json').stdout).toContain(
      '"params":1879390',
    );
    expect(count('mobilenet-v2', '--resolution', '224', '--json').stdout).toContain('"macs":300774272');
  });

  it('counts a Network file and a genotype file', () => {
    const network = file('network.json', JSON.stringify(zooNetwork('eeea-b')));
    expect(count(network, '--json').stdout).toBe('{"params":1870318,"macs":301863744}\n');
    expect(count(file('genotype.json', JSON.stringify(genotype)), '--cells', '3', '--json').status).toBe(0);
  });

  it('refuses what it does not know, in one sentence', () => {
    const unknown = count('proxyless-phone');
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toContain('the nearest names are proxyless-');
    expect(count('proxyless-cpu', '--cells', '3').stderr).toBe(
      'bespoke: expected only options that apply to proxyless-cpu (classes, resolution), but got cells [ZOO_OPTION_UNFIT]\n',
    );
    expect(count('eeea-a', '--cells', 'many').status).toBe(2);
  });

  it('refuses a bad file with the path of the bad field', () => {
    const bad = file(
      'bad.json',
      JSON.stringify({
        ...genotype,
        normal: [
          ['sep_conv_3x3', 0],
          ['sep_conv_3x3', 7],
        ],
      }),
    );
    expect(count(bad).stderr).toContain('$.normal[1][1]: expected a state from 0 to 1, but got 7');
    expect(count(file('network.json', '{"version":1}')).stderr).toContain('$.name');
    expect(count(file('broken.json', '{')).stderr).toContain('[JSON_INVALID]');
    expect(count(file('network.json', JSON.stringify(zooNetwork('eeea-b'))), '--classes', '3').stderr).toContain(
      '[ZOO_OPTION_UNFIT]',
    );
  });
});
