/** Hostile messages over real sockets: 2,000 to a real cloud and 2,000 to real agents; both live on, and do not grow. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { signProof } from '@bespoke/agent/dial.js';
import { stateWithKey, writeState } from '@bespoke/agent/state.js';
import { type ChallengeMessage, protocolVersion } from '@bespoke/shared/protocol/agent.js';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { device, runtime, testCloud, workload } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';
import { agentMessages, cloudMessages, hostileBytes } from '../support/messages.js';
import { Program } from '../support/program.js';
import { agentSaying, helloTo, letIn } from '../support/raw-agent.js';
import { until } from '../support/until.js';

const connectionCount = 2000;
const atOnce = 20;

/** Megabytes that a process holds. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/** Connects, answers the challenge with a hello or not, says `bytes`, and waits for the end; a harmless message is followed by `shell`. */
function sayTo(
  url: string,
  bytes: Uint8Array,
  greeting: ((challenge: ChallengeMessage) => object) | null,
): Promise<void> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.once('message', (data) => {
      if (greeting) socket.send(JSON.stringify(greeting(JSON.parse(String(data)) as ChallengeMessage)));
      socket.send(bytes);
      socket.send('{"type":"shell"}');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

describe('a cloud', () => {
  it('lives on after hostile messages to it, before and after the hello', { timeout: 120_000 }, async () => {
    const program = new Program('integration/cloud-process.mjs', [temporaryFolder(), '0', '0']);
    const [, json] = await program.line(/^(\{"agentUrl".*\})\n/);
    const { agentUrl, code } = JSON.parse(json!) as { agentUrl: string; code: string };
    const state = stateWithKey(join(temporaryFolder(), 'agent.json'));
    const known = { agentId: state.agentId, key: state.key };
    await sayTo(`${agentUrl}/agent`, new Uint8Array(), ({ cloudId, nonce }) => ({
      type: 'pair',
      protocol: protocolVersion,
      code,
      agentId: known.agentId,
      publicKey: known.key.x,
      signature: signProof({ purpose: 'pair', cloudId, nonce, agentId: known.agentId }, known.key),
      name: 'fuzz',
    }));
    const hello = (challenge: ChallengeMessage) => helloTo(challenge, known.agentId, known.key);
    const messages = fc.sample(hostileBytes(agentMessages), { numRuns: connectionCount, seed: 3 });
    const say = (bytes: Uint8Array, index: number) => sayTo(`${agentUrl}/agent`, bytes, index % 2 === 0 ? hello : null);
    await inTurn(messages.slice(0, 200), say);
    const before = residentMb(program.pid);
    await inTurn(messages.slice(200), say);
    await inTurn(fc.sample(fc.uint8Array({ minLength: 1, maxLength: 2000 }), { numRuns: 200, seed: 4 }), (bytes) =>
      sayRaw(new URL(agentUrl), bytes),
    );
    expect(residentMb(program.pid) - before).toBeLessThan(150);
    const agent = await agentSaying({ agentUrl }, hello);
    await until('an honest agent is welcome', () => agent.messages.length > 0);
    expect(agent.messages[0]).toMatchObject({ type: 'welcome', deviceId: known.agentId });
  });

  it('cuts off an agent that does not read, before what waits for it fills the memory', {
    timeout: 60_000,
  }, async () => {
    const cloud = await testCloud();
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo);
    await until('it is welcome', () => cloud.registry.view(device).online);
    agent.socket.pause();
    const beat = JSON.stringify({ type: 'heartbeat', sequence: Number.MAX_SAFE_INTEGER });
    await until('it is cut off', () => {
      for (let count = 0; count < 5000; count++) agent.socket.send(beat);
      return !cloud.registry.view(device).online;
    });
  });
});

/** Bytes that are no HTTP, to where HTTP is spoken. */
function sayRaw({ hostname, port }: URL, bytes: Uint8Array): Promise<void> {
  const socket = connect(Number(port), hostname, () => socket.end(bytes));
  return new Promise((resolve) => {
    socket.on('error', () => {}); // the cloud may hang up first
    socket.resume().on('close', () => resolve());
  });
}

/** Some at a time. */
async function inTurn<T>(items: readonly T[], act: (item: T, index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += atOnce)
    await Promise.all(items.slice(start, start + atOnce).map((item, index) => act(item, start + index)));
}

describe('an agent', () => {
  it('lives on after hostile messages to it, before and after the welcome', { timeout: 120_000 }, async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
    const cloudId = 'c'.repeat(32);
    const messages = fc.sample(hostileBytes(cloudMessages), { numRuns: connectionCount, seed: 5 });
    let next = 0;
    let honest = 0;
    server.on('connection', (socket) => {
      const say = (message: object) => socket.send(JSON.stringify(message));
      const bytes = messages[next++];
      if (bytes && next % 4 === 0) socket.send(bytes); // instead of the challenge
      say({ type: 'challenge', protocol: protocolVersion, cloudId, nonce: 'n'.repeat(43) });
      socket.on('message', (data) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        if (type === 'result') honest++;
        if (type !== 'hello') return;
        say({ type: 'welcome', deviceId: device.id, heartbeatMs: 60_000, fileToken: 't'.repeat(43) });
        if (bytes) {
          if (next % 4 !== 0) socket.send(bytes);
          say({ type: 'shell' });
        } else
          say({
            type: 'job',
            jobId: 'job-honest',
            leaseId: 'lease-001',
            runtime,
            workload: workload(0),
            timeoutMs: 1000,
          });
      });
    });
    const folder = temporaryFolder();
    const paths = Array.from({ length: 100 }, (_, index) => join(folder, `${index}`, 'agent.json'));
    for (const path of paths) writeState(path, { ...stateWithKey(path), cloud: { url, id: cloudId }, name: 'fuzz' });
    const program = new Program('integration/agents-process.mjs', paths);
    await until('some are said', () => next > 300, 60_000);
    const before = residentMb(program.pid);
    await until('all are said', () => next > connectionCount, 60_000);
    await until('the agents do honest jobs', () => honest >= 90, 60_000);
    expect(residentMb(program.pid) - before).toBeLessThan(150);
    expect(await program.kill()).toBeNull();
    expect(program.stderr).toBe('');
  });
});
