/**
 * The agents' end of the wire: handshake, messages, silence. Decodes and checks; what a message means is the fleet's matter.
 *
 *   waiting ──hello──▶ present ──bye, close, silence──▶ gone
 *      └──────anything else, bad token, other version──▶ refused, closed       (so from `present`, when a message is not allowed)
 */
import type { Duplex } from 'node:stream';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import type { AgentMessage, CloudByeReason, CloudMessage, HelloMessage } from '@bespoke/shared/protocol/agent.js';
import { decodeAgentMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import type { Logger } from 'pino';
import { WebSocket } from 'ws';
import type { CloudConfig } from '../config.js';
import type { AgentLink, PresentAgent, Registry } from '../fleet/registry.js';
import type { Access } from './access.js';

export interface AgentParts {
  readonly registry: Registry;
  readonly access: Access;
  readonly config: Pick<CloudConfig, 'heartbeatMs' | 'helloTimeoutMs'>;
  readonly log: Logger;
}

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
  #lastHeardMs = performance.now();
  #whyGone = 'the connection to the agent was lost';
  #leavesOnPurpose = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly duplex: Duplex,
    private readonly parts: AgentParts,
  ) {}

  start(): void {
    const { heartbeatMs, helloTimeoutMs } = this.parts.config;
    const watch = setInterval(() => this.#checkSilence(), Math.min(heartbeatMs, helloTimeoutMs));
    this.socket.on('message', (data) => this.#receive(data as Buffer));
    // ws answers what breaks the WebSocket protocol itself, e.g. a message over maxPayload, and closes.
    this.socket.on('error', (error) => this.parts.log.warn({ agent: this.#agent?.deviceId }, error.message));
    this.socket.on('close', () => {
      clearInterval(watch);
      if (this.#agent) this.parts.registry.leave(this.#agent, this.#whyGone, this.#leavesOnPurpose);
    });
  }

  welcome(deviceId: string): void {
    this.send({ type: 'welcome', deviceId, heartbeatMs: this.parts.config.heartbeatMs });
  }

  send(message: CloudMessage): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    // An acknowledgement and the job that follows it leave in one packet.
    this.duplex.cork();
    process.nextTick(() => this.duplex.uncork());
    this.socket.send(encodeMessage(message));
  }

  close(reason: CloudByeReason): void {
    this.send({ type: 'bye', reason });
    this.socket.close(1000, reason);
  }

  readonly #handlers: Handlers = {
    hello: () => {
      throw new AppError('MESSAGE_INVALID', { path: '$.type', problem: 'hello is said once' });
    },
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
    if (message.type !== 'hello') {
      throw new AppError('MESSAGE_INVALID', {
        path: '$.type',
        problem: `expected hello first, but got ${message.type}`,
      });
    }
    this.#join(message);
  }

  #join({ token, agentId: id, name, info, runtimes }: HelloMessage): void {
    const { access, registry, log } = this.parts;
    access.requireAgent(token);
    this.#agent = registry.join({ id, name, info, runtimes }, this);
    log.info({ device: name, id }, 'agent joined');
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
