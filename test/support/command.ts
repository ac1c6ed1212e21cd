/** Runs a program of the project to its end, as a user does in a terminal. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const binaries = {
  bespoke: fileURLToPath(new URL('../../cloud/bin/bespoke.js', import.meta.url)),
  'bespoke-agent': fileURLToPath(new URL('../../agent/bin/bespoke-agent.js', import.meta.url)),
} as const;

/** `input` is what it reads from stdin. */
export function runToEnd(
  binary: keyof typeof binaries,
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [binaries[binary], ...args], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}
