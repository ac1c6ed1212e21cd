import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bespoke-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = `
  import { registerData } from '@bespoke/cloud/cli/data.js';
  import { runCommand } from '@bespoke/cloud/cli/output.js';
  import { Command } from 'commander';
  const program = new Command('bespoke');
  registerData(program, 'datasets');
  await runCommand(program, process.argv.slice(0, 1).concat('bespoke', process.argv.slice(1)));
`;

/** Runs `bespoke data ...` in a process of its own. */
async function bespokeData(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const call = [process.execPath, ['--input-type=module', '--eval', script, '--', 'data', ...words]] as const;
  try {
    return { code: 0, ...(await promisify(execFile)(...call)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe('registerData', () => {
  it('packs a data set and lists it, as JSON and as text', async () => {
    const packed = await bespokeData('pack', 'synthetic', '--out', folder, '--search-share', '0.25', '--json');
    expect(packed.code).toBe(0);
    const [name] = readdirSync(folder);
    const { directory, manifest } = JSON.parse(packed.stdout);
    expect(directory).toBe(join(folder, name!));
    expect(manifest.counts).toEqual({ train: 6000, search: 2000, test: 2000 });
    expect(packed.stderr).toContain('packing 90%'); // no bar where stderr is no terminal

    const listed = await bespokeData('ls', '--out', folder);
    expect(listed.stdout).toBe(`synthetic: 10 classes, 32x32x3, 6000 train, 2000 search, 2000 test: ${directory}\n`);
  });

  it('says what is wrong in one sentence and exits with 1', async () => {
    const { code, stdout, stderr } = await bespokeData('pack', join(folder, 'nowhere'), '--out', folder);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^bespoke: expected a file, a folder, or one of cifar10, cifar100, synthetic, but .* \[DATA_NOT_FOUND\]\n$/,
    );
  });

  it('exits with 2 for a share that is none', async () => {
    expect((await bespokeData('pack', 'synthetic', '--search-share', '2')).code).toBe(2);
  });
});
