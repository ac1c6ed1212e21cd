/** The agent of this machine, as a process beside the cloud: it ends with the cloud. */
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RuntimeName } from '@bespoke/shared/latency/table.js';
import type { Cloud } from './compose.js';
import type { Device } from './store/devices.js';
import { lastWordsOf } from './train/last-words.js';

/** The agent's program; the cloud starts it, but imports nothing of it. */
export const agentProgram = createRequire(import.meta.url).resolve('@bespoke/agent/main.js');

/** How long an agent may take to start, load its runtime and connect. */
const joinTimeoutMs = 60_000;
const pollMs = 50;

export interface LocalAgent {
  readonly device: Device;
  stop(): void;
}

/** What the agent offers. */
export interface LocalAgentOptions {
  readonly threads: number;
  readonly runtimes: readonly RuntimeName[];
}

/** Pairs and starts the agent, and waits until it has joined. Throws `AGENT_NOT_JOINED` with its last words. */
export async function startLocalAgent(cloud: Cloud, { threads, runtimes }: LocalAgentOptions): Promise<LocalAgent> {
  const statePath = join(cloud.config.dataDirectory, `agent-${threads}.json`);
  const state = ['--state', statePath];
  // The code goes by stdin: other users of this machine can read arguments.
  const pairing = startAgent(
    ['pair', cloud.agentUrl, ...state, '--name', hostname(), ...trustOf(cloud)],
    `${cloud.newPairingCode().code}\n`,
  );
  const [exitCode] = await once(pairing.child, 'close');
  if (exitCode !== 0) throw new AppError('AGENT_NOT_JOINED', { lastWords: pairing.lastWords() });
  const offer = ['--threads', String(threads), '--runtimes', runtimes.join(',')];
  const { child, lastWords } = startAgent(['run', ...state, ...offer, '--exit-with-parent', String(process.pid)]);
  const { agentId } = JSON.parse(readFileSync(statePath, 'utf8')) as { agentId: string };
  const device = await joined(cloud, child, agentId);
  if (!device) throw new AppError('AGENT_NOT_JOINED', { lastWords: lastWords() });
  return { device, stop: () => child.kill() };
}

function startAgent(args: readonly string[], input = ''): { child: ChildProcess; lastWords: () => string } {
  const child = spawn(process.execPath, [agentProgram, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
  const lastWords = lastWordsOf(child.stderr);
  child.stdin.on('error', () => {}); // it ended before it read: its exit code says so
  child.stdin.end(input);
  return { child, lastWords: () => lastWords().trim() };
}

/** The cloud's own certificate is trusted as it is, under the name that it bears: nobody sits between two programs of one machine. */
function trustOf({ config: { tls, insecurePlain } }: Cloud): string[] {
  if (!tls) return insecurePlain ? ['--insecure-plain'] : [];
  const { subjectAltName, subject } = new X509Certificate(readFileSync(tls.certPath));
  const name = /(?:DNS|IP Address):([^,\s]+)/.exec(subjectAltName ?? '') ?? /^CN=(.+)$/m.exec(subject);
  return ['--ca', tls.certPath, ...(name ? ['--tls-name', name[1]!] : [])];
}

/** The agent's id is its device's. */
async function joined({ store, registry }: Cloud, child: ChildProcess, id: string): Promise<Device | undefined> {
  const deadlineMs = Date.now() + joinTimeoutMs;
  while (Date.now() < deadlineMs && child.exitCode === null) {
    const device = store.devices.get(id);
    if (device && registry.view(device).online) return device;
    await new Promise((done) => setTimeout(done, pollMs));
  }
  child.kill();
  return undefined;
}
