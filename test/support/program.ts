/** A real process of the tests: its output so far, and its end. Killed when the test ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './until.js';

export class Program {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  /** Starts a file under test/ with node. */
  constructor(file: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    this.#child = spawn(process.execPath, [path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#child.stdout!.on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr!.on('data', (text) => {
      this.stderr += text;
    });
    onTestFinished(async () => void (await this.kill()));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Ends the process and waits for its end; gives its exit code, null when a signal ended it. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.#child.kill(signal);
    return this.end();
  }

  /** Waits for its end; gives its exit code, null when a signal ended it. */
  async end(): Promise<number | null> {
    await until('the process ends', () => this.#child.exitCode !== null || this.#child.signalCode !== null);
    return this.#child.exitCode;
  }

  /** Waits for a whole line on stdout that matches; gives the match. */
  async line(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray> {
    const what = `a line like ${pattern} (stderr: ${this.stderr})`;
    const found = () => {
      if (this.#child.exitCode !== null && this.#child.exitCode !== 0)
        throw new Error(`the process ended: ${this.stderr}`);
      return this.stdout.match(pattern);
    };
    return until(what, found, timeoutMs);
  }
}

/** Whether a process is there, stopped or not. */
export function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}
