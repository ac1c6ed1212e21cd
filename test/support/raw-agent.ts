/** An agent of a few lines, for tests that say to the cloud what the real one would not. */
import { generateKeyPairSync } from 'node:crypto';
import { signProof } from '@bespoke/agent/dial.js';
import type { AgentKey } from '@bespoke/agent/state.js';
import type { Cloud } from '@bespoke/cloud/compose.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import {
  type ChallengeMessage,
  type CloudMessage,
  type HelloMessage,
  type JobMessage,
  type PairMessage,
  protocolVersion,
} from '@bespoke/shared/protocol/agent.js';
import { readPairingCode } from '@bespoke/shared/protocol/pairing-code.js';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { device, success } from './fleet.js';
import { until } from './until.js';

export const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as AgentKey;

/** The key of `device`. */
export const deviceKey = newKey();

/** Makes the key known to the cloud, as a pairing would. */
export function letIn(cloud: Cloud, agentId = device.id, key = deviceKey): void {
  cloud.store.agents.redeem(readPairingCode(cloud.newPairingCode().code)!, agentId, key.x);
}

export function helloTo({ cloudId, nonce }: ChallengeMessage, agentId = device.id, key = deviceKey): HelloMessage {
  const { name, info, runtimes } = device;
  const signature = signProof({ purpose: 'hello', cloudId, nonce, agentId }, key);
  return { type: 'hello', protocol: protocolVersion, agentId, signature, name, info, runtimes };
}

export function pairTo(
  { cloudId, nonce }: ChallengeMessage,
  code: string,
  agentId = device.id,
  key = deviceKey,
): PairMessage {
  const signature = signProof({ purpose: 'pair', cloudId, nonce, agentId }, key);
  return { type: 'pair', protocol: protocolVersion, code, agentId, publicKey: key.x, signature, name: 'bench' };
}

/** A WebSocket with what it received and how it ended. */
export function dial(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  const client = {
    socket,
    messages: [] as unknown[],
    closed: undefined as number | undefined,
    error: undefined as string | undefined,
  };
  socket.on('message', (data) => client.messages.push(JSON.parse(String(data))));
  socket.on('close', (code) => {
    client.closed = code;
  });
  socket.on('error', (error) => {
    client.error = error.message;
  });
  onTestFinished(() => socket.terminate());
  return client;
}

/** What an agent says; a function is given the challenge. Strings and bytes go as they are. */
export type Said = object | string | Buffer | ((challenge: ChallengeMessage) => object);

/** An agent that waits for the challenge, then says all this; the challenge is not among its messages. */
export async function agentSaying(cloud: Pick<Cloud, 'agentUrl'>, ...messages: readonly Said[]) {
  const client = dial(`${cloud.agentUrl}/agent`);
  const challenge = (await until('the challenge comes', () => client.messages.shift())) as ChallengeMessage;
  for (const said of messages) {
    const message = typeof said === 'function' ? said(challenge) : said;
    client.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }
  return {
    ...client,
    challenge,
    get closed() {
      return client.closed;
    },
    get error() {
      return client.error;
    },
  };
}

/** The jobs that an agent was sent; the sentinels that surround them it has answered. */
export function jobsOf(agent: { messages: unknown[] }): JobMessage[] {
  const jobs = (agent.messages as CloudMessage[]).filter((message) => message.type === 'job');
  return jobs.filter(({ workload }) => workloadKey(workload) !== workloadKey(sentinel));
}

export function answerSentinels({ socket }: { socket: WebSocket }): void {
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as CloudMessage;
    if (message.type !== 'job' || workloadKey(message.workload) !== workloadKey(sentinel)) return;
    const { jobId, leaseId } = message;
    socket.send(JSON.stringify({ type: 'result', jobId, leaseId, outcome: success(0.3) }));
    socket.send(JSON.stringify({ type: 'ready' }));
  });
}
