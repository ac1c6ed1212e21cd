import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { runtimeNames } from '@bespoke/shared/latency/table.js';
import { describe, expect, it } from 'vitest';

const program = createRequire(import.meta.url).resolve('@bespoke/agent/main.js');
const agent = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

describe('bespoke-agent', () => {
  it('examines every runtime and gives a remedy for each that does not load', { timeout: 120_000 }, () => {
    const { stdout, status } = agent('doctor', '--json');
    const findings = JSON.parse(stdout) as { part: string; ok: boolean; detail: string; remedy?: string }[];
    expect(findings.map(({ part }) => part)).toEqual(runtimeNames.map((name) => `measuring with ${name}`));
    for (const { ok, detail, remedy } of findings) {
      expect(detail).not.toBe('');
      expect(remedy === undefined).toBe(ok);
    }
    expect(findings[0]).toMatchObject({ ok: true, detail: '2.9.0, xnnpack, none' });
    expect(status).toBe(0);
  });

  it.each([
    ['--threads', '0', /expected up to 4 whole numbers from 1 to 256/],
    ['--threads', '1,2,3,4,5', /expected up to 4 whole numbers from 1 to 256/],
    ['--runtimes', 'tflight', /expected names of tflite, onnx, /],
  ])('refuses %s %s with a sentence', (option, value, sentence) => {
    const { stderr, status } = agent('run', option, value);
    expect(stderr).toMatch(sentence);
    expect(status).toBe(1);
  });
});
