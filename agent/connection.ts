/**
 * Connection: the agent's end of the wire. Dials the cloud, says hello, lives by heartbeats, and dials again for ever.
 *
 *   dialling ─challenge─▶ greeting ─welcome─▶ welcomed ─close, silence─▶ waiting (jittered) ─▶ dialling
 *       └───────────────────┴─error, refused────────────────────────────────▲
 *   welcomed ─bye: replaced─▶ ended, for two agents with one id would throw each other out without end
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import {
  type AgentMessage,
  type CloudMessage,
  type HelloMessage,
  type JobMessage,
  protocolVersion,
} from '@bespoke/shared/protocol/agent.js';
import { decodeCloudMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import { WebSocket } from 'ws';
import { dialCloud, signProof } from './dial.js';
import type { Identity } from './state.js';

export interface ConnectionOptions {
  readonly identity: Identity;
  readonly hello: Pick<HelloMessage, 'info' | 'runtimes'>;
  /** Ends the connection for good, with a goodbye. */
  readonly signal: AbortSignal;
  readonly onWelcome: (fileToken: string) => void;
  readonly onJob: (job: JobMessage) => void;
  readonly onResultAck: (jobId: string) => void;
  readonly onRefused: (code: string) => void;
  /** One line for people. */
  readonly log: (line: string) => void;
}

/** The first pause, doubled with every failed attempt up to the last. */
const leastPauseMs = 250;
const mostPauseMs = 30_000;
/** How long a cloud may take to answer the goodbye. */
const goodbyeTimeoutMs = 2000;
/** Silent heartbeat intervals after which the cloud is taken for gone. */
const maxSilentIntervals = 3;

/** How long to wait after so many failed attempts in a row; `random` in [0, 1) spreads agents that lost the same cloud. */
export function pauseMs(failedAttempts: number, random: number): number {
  return Math.min(mostPauseMs, leastPauseMs * 2 ** Math.min(failedAttempts, 20)) * (0.5 + 0.5 * random);
}

export class Connection {
  #socket: WebSocket | undefined;
  #challenged = false;
  #welcomed = false;
  #replaced = false;
  #lastHeardMs = 0;
  #heart: NodeJS.Timeout | undefined;

  constructor(private readonly options: ConnectionOptions) {}

  /** Sends if the cloud has welcomed the agent and is still there; what must not be lost is sent again after the next welcome. */
  send(message: AgentMessage): void {
    if (this.#welcomed && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(encodeMessage(message));
  }

  /** Stays connected until the signal. Throws `AGENT_REPLACED`. */
  async run(): Promise<void> {
    const { signal, log, identity } = this.options;
    for (let failedAttempts = 0; !signal.aborted; ) {
      const why = await this.#attempt();
      if (this.#replaced) throw new AppError('AGENT_REPLACED', { agentId: identity.agentId });
      if (signal.aborted) return;
      failedAttempts = this.#welcomed ? 0 : failedAttempts + 1;
      this.#welcomed = false;
      const waitMs = pauseMs(failedAttempts, Math.random());
      log(`${why}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
      await pause(waitMs, signal);
    }
  }

  /** One connection, from dialling to its end; resolves with why it ended. */
  #attempt(): Promise<string> {
    const { identity, signal } = this.options;
    const { url } = identity.cloud;
    let socket: WebSocket;
    try {
      socket = dialCloud(identity.cloud);
    } catch (error) {
      return Promise.resolve((error as Error).message);
    }
    this.#socket = socket;
    this.#challenged = false;
    this.#lastHeardMs = performance.now();
    let why = `the connection to ${url} was lost`;
    socket.on('message', (data) => {
      this.#lastHeardMs = performance.now();
      try {
        why = this.#receive(decodeCloudMessage(data as Buffer)) ?? why;
      } catch (error) {
        why = (error as Error).message;
        socket.terminate();
      }
    });
    socket.on('error', (error) => {
      why = `cannot reach the cloud at ${url}: ${error.message}`;
    });
    const leave = () => this.#leave(socket);
    signal.addEventListener('abort', leave, { once: true });
    return new Promise((resolve) => {
      socket.on('close', () => {
        clearInterval(this.#heart);
        signal.removeEventListener('abort', leave);
        resolve(why);
      });
    });
  }

  #leave(socket: WebSocket): void {
    this.send({ type: 'bye', reason: 'the agent stops' });
    socket.close(1000);
    setTimeout(() => socket.terminate(), goodbyeTimeoutMs).unref();
  }

  #beatEvery(heartbeatMs: number): void {
    let sequence = 0;
    this.#heart = setInterval(() => {
      // A dead cloud answers no goodbye, either.
      if (performance.now() - this.#lastHeardMs > maxSilentIntervals * heartbeatMs) this.#socket?.terminate();
      else this.send({ type: 'heartbeat', sequence: sequence++ });
    }, heartbeatMs);
  }

  /** Acts on a message; where it announces the end of the connection, gives why. */
  #receive(message: CloudMessage): string | undefined {
    return (this.#handlers[message.type] as (message: CloudMessage) => string | undefined)(message);
  }

  /** Throws `MESSAGE_INVALID`: the cloud said something at the wrong time, and is hung up on. */
  #require(rightTime: boolean, problem: string): undefined {
    if (!rightTime) throw new AppError('MESSAGE_INVALID', { path: '$.type', problem });
  }

  readonly #handlers: {
    readonly [T in CloudMessage['type']]: (message: Extract<CloudMessage, { type: T }>) => string | undefined;
  } = {
    challenge: ({ cloudId, nonce }) => {
      this.#require(!this.#challenged, 'the challenge comes once');
      this.#challenged = true;
      const { identity, hello } = this.options;
      const { agentId, name, key, cloud } = identity;
      // A signature made for another cloud could be shown to this one's; so it is made for none.
      if (cloudId !== cloud.id)
        throw new AppError('CLOUD_DIFFERS', { url: cloud.url, expected: cloud.id, got: cloudId });
      const signature = signProof({ purpose: 'hello', cloudId, nonce, agentId }, key);
      this.#socket?.send(
        encodeMessage({ type: 'hello', protocol: protocolVersion, agentId, signature, name, ...hello }),
      );
      return undefined;
    },
    paired: () => this.#require(false, 'paired answers a pair, but there was none'),
    welcome: ({ heartbeatMs, fileToken }) => {
      this.#require(this.#challenged && !this.#welcomed, 'the welcome comes once, behind the challenge');
      this.#welcomed = true;
      this.#beatEvery(heartbeatMs);
      this.options.log(`connected to ${this.options.identity.cloud.url}`);
      return void this.options.onWelcome(fileToken);
    },
    refused: ({ code, message }) => {
      this.#welcomed = false;
      this.options.onRefused(code);
      return `the cloud refuses: ${message}`;
    },
    job: (job) => {
      this.#require(this.#welcomed, 'a job comes behind the welcome');
      return void this.options.onJob(job);
    },
    resultAck: ({ jobId }) => void this.options.onResultAck(jobId),
    heartbeatAck: () => undefined,
    bye: ({ reason }) => {
      this.#replaced = reason === 'replaced';
      return `the cloud says goodbye: ${reason}`;
    },
  };
}

/** Resolves after the time, or at the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
