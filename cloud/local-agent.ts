/** The agent of this machine, as a process beside the cloud: it ends with the cloud. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RuntimeName } from '@bespoke/shared/latency/table.js';
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

/** What the agent offers. */
export interface LocalAgentOptions {
  readonly threads: number;
  readonly runtimes: readonly RuntimeName[];
}

/** Starts the agent and waits until it has joined. Throws `AGENT_NOT_JOINED` with its last words. */
export async function startLocalAgent(cloud: Cloud, { threads, runtimes }: LocalAgentOptions): Promise<LocalAgent> {
  const statePath = join(cloud.config.dataDirectory, `agent-${threads}.json`);
  const args = [agentProgram, 'run', '--url', cloud.agentUrl, '--token-file', cloud.agentTokenPath];
  args.push('--name', hostname(), '--threads', String(threads), '--exit-with-parent', String(process.pid));
  args.push('--state', statePath, '--runtimes', runtimes.join(','));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-maxLastWords);
  });
  const device = await joined(cloud, child, statePath);
  if (!device) throw new AppError('AGENT_NOT_JOINED', { lastWords: lastWords.trim() });
  return { device, stop: () => child.kill() };
}

/** The agent keeps its id, which is the device's, in its state file. */
async function joined({ store, registry }: Cloud, child: ChildProcess, statePath: string): Promise<Device | undefined> {
  const deadlineMs = Date.now() + joinTimeoutMs;
  while (Date.now() < deadlineMs && child.exitCode === null) {
    const id = existsSync(statePath)
      ? (JSON.parse(readFileSync(statePath, 'utf8')) as { agentId: string }).agentId
      : '';
    const device = store.devices.all().find((known) => known.id === id && registry.view(known).online);
    if (device) return device;
    await new Promise((done) => setTimeout(done, pollMs));
  }
  child.kill();
  return undefined;
}
