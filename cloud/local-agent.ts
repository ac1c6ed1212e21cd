/** The agent of this machine, as a process beside the cloud: it ends with the cloud. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Cloud } from './compose.js';
import type { Device } from './store/devices.js';

/** The agent's program; the cloud starts it, but imports nothing of it. */
export const agentProgram = createRequire(import.meta.url).resolve('@bespoke/agent/main.js');

/** How long an agent may take to start, load its runtime and connect. */
const joinTimeoutMs = 60_000;
const pollMs = 50;
const maxLastWords = 2000;

export interface LocalAgent {
  readonly device: Device;
  stop(): void;
}

/** Starts the agent and waits until it has joined. Throws `AGENT_NOT_JOINED` with its last words. */
export async function startLocalAgent(cloud: Cloud, threads: number): Promise<LocalAgent> {
  const args = [agentProgram, 'run', '--url', cloud.agentUrl, '--token-file', cloud.agentTokenPath];
  args.push('--name', hostname(), '--threads', String(threads), '--exit-with-parent', String(process.pid));
  args.push('--state', join(cloud.config.dataDirectory, `agent-${threads}.json`));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-maxLastWords);
  });
  const device = await joined(cloud, child, threads);
  if (!device) throw new AppError('AGENT_NOT_JOINED', { lastWords: lastWords.trim() });
  return { device, stop: () => child.kill() };
}

async function joined({ store, registry }: Cloud, child: ChildProcess, threads: number): Promise<Device | undefined> {
  const deadlineMs = Date.now() + joinTimeoutMs;
  while (Date.now() < deadlineMs && child.exitCode === null) {
    const device = store.devices
      .all()
      .find((known) => registry.view(known).online && known.runtimes.some((runtime) => runtime.threads === threads));
    if (device) return device;
    await new Promise((done) => setTimeout(done, pollMs));
  }
  child.kill();
  return undefined;
}
