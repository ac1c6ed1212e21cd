import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { additions, possibleRuntimes } from '@bespoke/agent/runtime-packages.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../support/command.js';

const lock = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string }>;
};

describe('additions', () => {
  it('are pinned by the lock file, every package', () => {
    const packages = Object.values(additions).flatMap((addition) => addition.packages);
    expect(packages.length).toBeGreaterThanOrEqual(4);
    for (const name of packages) expect(lock.packages[`node_modules/${name}`]?.version, name).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe('bespoke-agent runtime', () => {
  it('lists what is installed and what is possible: together all of them', async () => {
    const { stdout } = await runToEnd('bespoke-agent', ['runtime', 'ls', '--json']);
    const rows = JSON.parse(stdout) as { name: string; installed: boolean }[];
    expect(rows.map(({ name }) => name)).toEqual(['onnx', 'webgpu', 'tensorflow']);
    const possible = rows.filter(({ installed }) => !installed).map(({ name }) => additions[name]!.runtime);
    expect(possibleRuntimes()).toEqual(possible);
    const text = (await runToEnd('bespoke-agent', ['runtime', 'ls'])).stdout;
    for (const { name, installed } of rows)
      expect(text.includes(`bespoke-agent runtime add ${name}`), name).toBe(!installed);
  });

  it('adds nothing that it does not know', async () => {
    const { code, stderr } = await runToEnd('bespoke-agent', ['runtime', 'add', 'left-pad']);
    expect([code, stderr.trim()]).toEqual([
      1,
      "error: command-argument value 'left-pad' is invalid for argument 'name'. Expected one of onnx, webgpu, tensorflow.",
    ]);
  });

  it('says what failed where npm cannot install', async () => {
    const { code, stderr } = await runToEnd('bespoke-agent', ['runtime', 'add', 'onnx'], '', { PATH: '/nowhere' });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^bespoke-agent: expected to add the runtime onnx, but `npm install .*` failed .*ENOENT.* \[RUNTIME_NOT_ADDED\]\n$/,
    );
  });
});
