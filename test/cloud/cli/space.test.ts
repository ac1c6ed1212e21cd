import { runCommand } from '@bespoke/cloud/cli/output.js';
import { registerSpace } from '@bespoke/cloud/cli/space.js';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';

/** What the command printed on stdout; stdout itself is kept quiet. */
let written: MockInstance<typeof process.stdout.write>;
const run = async (...argv: string[]) => {
  const program = new Command('bespoke').configureOutput({ writeErr: () => {} });
  registerSpace(program);
  await runCommand(program, ['node', 'bespoke', ...argv]);
  return written.mock.calls.map(([text]) => String(text)).join('');
};

beforeEach(() => {
  written = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => {
  written.mockRestore();
  process.exitCode = 0;
});

describe('registerSpace', () => {
  it('lists the presets as JSON', async () => {
    const { chains, cells } = JSON.parse(await run('space', 'ls', '--json'));
    expect(chains.map(({ name, networks, slots }: Record<string, unknown>) => [name, networks, slots])).toEqual([
      ['small', 25412184, 9],
      ['mobile-small', 1245197016, 11],
    ]);
    // 9 ops; the states that the steps may read, twice each: 1 x 2 x 3 x 4; two cells.
    expect(cells[0].genotypes / (9 ** 8 * 24 ** 2) ** 2).toBeCloseTo(1, 9);
    expect(cells.map(({ name }: { name: string }) => name)).toEqual(['paper', 'paper-code', 'published', 'cells']);
  });

  it('shows the slots of a preset', async () => {
    expect(await run('space', 'show', 'small', '--classes', '5')).toContain(
      '  stage1-2    k3 e3, k5 e3, k7 e3, k3 e6, k5 e6, k7 e6, skip\n',
    );
  });

  it('ends with 2 for a preset that is not there and a size that is none', async () => {
    await run('space', 'show', 'huge');
    expect(process.exitCode).toBe(2);
    process.exitCode = 0;
    await run('space', 'show', 'small', '--resolution', 'big');
    expect(process.exitCode).toBe(2);
  });
});
