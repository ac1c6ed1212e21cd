/** `bespoke doctor`: which backends and runtimes work here and, for each that does not, the command that mends it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { agentProgram } from '../local-agent.js';
import { openBackend } from '../train/tfjs/backend.js';
import { printResult } from './output.js';
import { dashboardDirectory } from './start.js';

/** What the doctor says of one part. `detail` is a version, or the problem; `remedy` the command that mends it. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
  /** Nothing is wrong where it is missing. */
  readonly optional?: boolean;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what works here and, for what does not, the command that mends it')
    .option('--json', 'one line of JSON')
    .action(async (options: { json?: boolean }) => {
      const findings = await examine();
      const lines = findings.map(
        ({ part, ok, detail, remedy, optional }) =>
          `${ok ? 'ok     ' : 'missing'}  ${part.padEnd(30)} ${detail}${remedy ? `\n         to ${optional ? 'get' : 'mend'} it: ${remedy}` : ''}`,
      );
      printResult(options, findings, lines.join('\n'));
      if (findings.some(({ ok, optional }) => !ok && !optional)) process.exitCode = 1;
    });
}

async function examine(): Promise<Finding[]> {
  return [
    { part: 'node', ok: true, detail: process.versions.node },
    await examineBackend('tensorflow', 'npm run setup:tensorflow'),
    await examineBackend('wasm', 'npm ci'),
    ...(await examineAgent()),
    examineDashboard(),
  ];
}

async function examineBackend(name: 'tensorflow' | 'wasm', remedy: string): Promise<Finding> {
  const part = `training on ${name}`;
  try {
    const { version } = await openBackend(name);
    return { part, ok: true, detail: version };
  } catch (error) {
    return { part, ok: false, detail: (error as Error).message, remedy };
  }
}

/** It loads each of its runtimes, one after another. */
const agentTimeoutMs = 180_000;

/** The agent knows its runtimes; it is asked as a program. */
function examineAgent(): Promise<Finding[]> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [agentProgram, 'doctor', '--json'],
      { timeout: agentTimeoutMs },
      (error, stdout, stderr) => {
        if (stdout.startsWith('[')) done(JSON.parse(stdout) as Finding[]);
        else
          done([
            { part: 'agent', ok: false, detail: stderr.trim() || String(error), remedy: 'npm ci && npm run build' },
          ]);
      },
    );
  });
}

function examineDashboard(): Finding {
  const ok = existsSync(join(dashboardDirectory, 'index.html'));
  return ok
    ? { part: 'dashboard', ok, detail: 'built' }
    : { part: 'dashboard', ok, detail: 'not built', remedy: 'npm run build' };
}
