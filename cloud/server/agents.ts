/**
 * The agents' end of the wire: handshake, messages, silence. Decodes and checks; what a message means is the fleet's matter.
 *
 *   challenged ──hello──▶ present ──bye, close, silence──▶ gone                 challenged ──pair──▶ paired, closed
 *      └──────anything else, no proof, other version──▶ refused, closed       (so from `present`: not allowed, or revoked)
 */
import type { Duplex } from 'node:stream';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import {
  type AgentMessage,
  type CloudByeReason,
  type CloudMessage,
  type HelloMessage,
  maxMessageBytes,
  type PairMessage,
} from '@bespoke/shared/protocol/agent.js';
import { decodeAgentMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import type { Logger } from 'pino';
import { WebSocket } from 'ws';
import type { CloudConfig } from '../config.js';
import type { AgentLink, PresentAgent, Registry } from '../fleet/registry.js';
import type { AgentAccess, Presence } from './agent-access.js';

export interface AgentParts {
  readonly registry: Registry;
  readonly agentAccess: AgentAccess;
  readonly config: Pick<CloudConfig, 'heartbeatMs' | 'helloTimeoutMs'>;
  readonly log: Logger;
}

/** Bytes that may wait for an agent that does not read; beyond them it is cut off, for it would fill the cloud's memory. */
const maxWaitingBytes = 2 * maxMessageBytes;

/** Silent heartbeat intervals after which an agent is taken for dead. */
const maxSilentIntervals = 3;

type Handlers = {
  readonly [T in AgentMessage['type']]: (agent: PresentAgent, message: Extract<AgentMessage, { type: T }>) => void;
};

/** Serves one agent until its socket closes. */
export function serveAgent(socket: WebSocket, duplex: Duplex, parts: AgentParts): void {
  new AgentSession(socket, duplex, parts).start();
}

class AgentSession implements AgentLink {
  #agent: PresentAgent | undefined;
  #presence: Presence | undefined;
  readonly #challenge;
  #lastHeardMs = performance.now();
  #whyGone = 'the connection to the agent was lost';
  #leavesOnPurpose = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly duplex: Duplex,
    private readonly parts: AgentParts,
  ) {
    this.#challenge = parts.agentAccess.challenge();
  }

  start(): void {
    const { heartbeatMs, helloTimeoutMs } = this.parts.config;
    const watch = setInterval(() => this.#checkSilence(), Math.min(heartbeatMs, helloTimeoutMs));
    this.socket.on('message', (data) => this.#receive(data as Buffer));
    // ws answers what breaks the WebSocket protocol itself, e.g. a message over maxPayload, and closes.
    this.socket.on('error', (error) => this.parts.log.warn({ agent: this.#agent?.deviceId }, error.message));
    this.socket.on('close', () => {
      clearInterval(watch);
      if (this.#presence) this.parts.agentAccess.leave(this.#presence);
      if (this.#agent) this.parts.registry.leave(this.#agent, this.#whyGone, this.#leavesOnPurpose);
    });
    this.send(this.#challenge);
  }

  welcome(deviceId: string): void {
    const { heartbeatMs } = this.parts.config;
    this.send({ type: 'welcome', deviceId, heartbeatMs, fileToken: this.#presence!.fileToken });
  }

  send(message: CloudMessage): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    // An acknowledgement and the job that follows it leave in one packet.
    this.duplex.cork();
    process.nextTick(() => this.duplex.uncork());
    this.socket.send(encodeMessage(message));
    if (this.socket.bufferedAmount <= maxWaitingBytes) return;
    this.#whyGone = 'the agent did not read what it was sent';
    this.socket.terminate();
  }

  close(reason: CloudByeReason): void {
    this.send({ type: 'bye', reason });
    this.socket.close(1000, reason);
  }

  readonly #handlers: Handlers = {
    hello: refuseGreeting,
    pair: refuseGreeting,
    ready: (agent) => this.parts.registry.ready(agent),
    result: (agent, message) => this.parts.registry.result(agent, message),
    heartbeat: (_, { sequence }) => this.send({ type: 'heartbeatAck', sequence }),
    bye: (_, { reason }) => {
      this.#whyGone = `the agent left: ${reason}`;
      this.#leavesOnPurpose = true;
      this.socket.close(1000);
    },
  };

  #receive(bytes: Buffer): void {
    if (this.socket.readyState !== WebSocket.OPEN) return; // refused: what was on its way does not count
    this.#lastHeardMs = performance.now();
    try {
      const message = decodeAgentMessage(bytes);
      if (this.#agent)
        (this.#handlers[message.type] as (agent: PresentAgent, message: AgentMessage) => void)(this.#agent, message);
      else this.#greet(message);
    } catch (error) {
      this.refuse(error);
    }
  }

  #greet(message: AgentMessage): void {
    if (message.type === 'hello') this.#join(message);
    else if (message.type === 'pair') this.#pair(message);
    else {
      const problem = `expected hello or pair first, but got ${message.type}`;
      throw new AppError('MESSAGE_INVALID', { path: '$.type', problem });
    }
  }

  #pair(message: PairMessage): void {
    this.parts.agentAccess.pair(message, this.#challenge.nonce);
    this.parts.log.info({ device: message.name, id: message.agentId }, 'agent paired');
    this.send({ type: 'paired', deviceId: message.agentId });
    this.socket.close(1000);
  }

  #join(hello: HelloMessage): void {
    const { agentAccess, registry, log } = this.parts;
    const { agentId: id, name, info, runtimes } = hello;
    agentAccess.requireProof(hello, this.#challenge.nonce);
    this.#presence = agentAccess.enter(id, (error) => this.#sendAway(error));
    this.#agent = registry.join({ id, name, info, runtimes }, this);
    log.info({ device: name, id }, 'agent joined');
  }

  /** It is a person who ends this: the job at hand is not to blame. */
  #sendAway(error: AppError): void {
    this.#leavesOnPurpose = true;
    this.refuse(error);
  }

  refuse(error: unknown): void {
    const { log } = this.parts;
    if (!isAppError(error)) log.error({ error }, 'a message of an agent failed unexpectedly');
    const [code, message] = isAppError(error)
      ? [error.code, error.message]
      : ['INTERNAL', 'unexpected failure in the cloud'];
    this.#whyGone = `the agent was refused: ${message}`;
    log.warn({ agent: this.#agent?.deviceId, code }, message);
    this.send({ type: 'refused', code, message: message.slice(0, 2000) });
    this.socket.close(1008, code);
  }

  #checkSilence(): void {
    const { heartbeatMs, helloTimeoutMs } = this.parts.config;
    const silentMs = performance.now() - this.#lastHeardMs;
    if (!this.#agent && silentMs > helloTimeoutMs)
      this.refuse(new AppError('AGENT_SILENT', { timeoutMs: helloTimeoutMs }));
    if (!this.#agent || silentMs <= maxSilentIntervals * heartbeatMs) return;
    this.#whyGone = `the agent was silent for ${Math.round(silentMs)} ms`;
    this.socket.terminate();
  }
}

function refuseGreeting(): never {
  throw new AppError('MESSAGE_INVALID', { path: '$.type', problem: 'hello is said once, and pair instead of it' });
}
