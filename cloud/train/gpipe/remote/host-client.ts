/** HostClient: the coordinator's end of the connection to a training host: calls with their answers, pings that tell whether it lives and what its clock says. */
import type { WebSocket } from 'ws';
import { clockMs } from '../clock.js';
import { heart, type StageCall } from '../stage-messages.js';
import { ClockOffset } from './clock-offset.js';
import { HostLink } from './host-link.js';
import {
  decodeFromHost,
  type FromHost,
  hostLimits,
  parseAnswer,
  type RemoteCalls,
  type ToHost,
} from './host-messages.js';

export type OfferedFile = Extract<FromHost, { type: 'pull' }>['file'];
type Failure = Extract<FromHost, { type: 'failure' }>;

/** What the host says of a call that failed. */
export class HostFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.problem);
  }
}

export interface HostClientHandlers {
  /** A piece of a file that the host was told of. */
  readPiece(file: OfferedFile, offset: number): Promise<Uint8Array>;
  /** The connection has ended; before the calls under way are rejected. Called once. */
  lost(how: string): void;
}

interface Pending {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

const maxMissedPongs = 12;
/** At once, so that the clock is known before the first trace comes. */
const firstPingCount = 8;
/** How long a host may take to end its stage. */
const closeMs = 3000;

export class HostClient {
  readonly #link: HostLink<FromHost, ToHost>;
  readonly #pending = new Map<number, Pending>();
  readonly #clock = new ClockOffset();
  readonly #pingsSentMs = new Map<number, number>();
  readonly #watch: NodeJS.Timeout;
  #lost: string | null = null;
  #missedCount = 0;
  #messageCount = 0;

  constructor(
    socket: WebSocket,
    private readonly handlers: HostClientHandlers,
  ) {
    this.#link = new HostLink<FromHost, ToHost>(socket, {
      limitBytes: hostLimits.toHostBytes,
      decode: decodeFromHost,
      receive: (message) => this.#receive[message.type](message as never),
      closed: (how) => this.#end(how),
    });
    for (let ping = 0; ping < firstPingCount; ping++) this.#ping();
    this.#watch = setInterval(() => {
      if (++this.#missedCount > maxMissedPongs) this.#end(`no sign of life for ${maxMissedPongs * heart.beatMs} ms`);
      else this.#ping();
    }, heart.beatMs);
  }

  /** Rejects with a `HostFailure`, or any error when the connection is lost. Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`. */
  async ask<C extends StageCall>(
    call: C,
    argument: RemoteCalls[C]['argument'],
    timeoutMs: number,
  ): Promise<RemoteCalls[C]['answer']> {
    if (this.#lost !== null) throw new Error(this.#lost);
    const id = this.#messageCount++;
    this.#link.send({ type: 'call', id, call, argument, timeoutMs });
    const answer = await new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    return parseAnswer(call, answer);
  }

  /** Of the file that was saved last. */
  pull(offset: number): Promise<Uint8Array> {
    return this.#link.pull({ type: 'pull', offset });
  }

  /** When it was by this machine's clock, what the host's clock says. */
  toLocalMs(hostMs: number): number {
    return this.#clock.toLocal(hostMs);
  }

  /** Has the host end its stage and forget what it kept for another start. */
  async close(): Promise<void> {
    this.#link.send({ type: 'close' });
    await this.#link.ended(closeMs);
  }

  /** Leaves; the host keeps the snapshots. */
  leave(): void {
    this.#link.terminate();
  }

  readonly #receive: { readonly [T in FromHost['type']]: (message: Extract<FromHost, { type: T }>) => void } = {
    challenge: () => this.leave(), // of a greeting that is over
    welcome: () => this.leave(),
    refused: () => this.leave(),
    pong: ({ id, clockMs: otherMs }) => {
      const sentMs = this.#pingsSentMs.get(id);
      if (sentMs === undefined) return this.leave();
      this.#pingsSentMs.delete(id);
      this.#missedCount = 0;
      this.#clock.add({ sentMs, otherMs, receivedMs: clockMs() });
    },
    answer: ({ id, answer }) => this.#settled(id)?.resolve(answer),
    failure: (failure) => this.#settled(failure.id)?.reject(new HostFailure(failure)),
    pull: ({ file, offset }) => {
      this.handlers.readPiece(file, offset).then(
        (piece) => this.#link.sendPiece(piece),
        (error: Error) => this.#end(error.message),
      );
    },
  };

  #ping(): void {
    const id = this.#messageCount++;
    this.#pingsSentMs.set(id, clockMs());
    this.#link.send({ type: 'ping', id });
  }

  #settled(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending) this.leave(); // an answer that nobody waits for
    return pending;
  }

  #end(how: string): void {
    if (this.#lost !== null) return;
    this.#lost = how;
    clearInterval(this.#watch);
    this.leave();
    this.handlers.lost(how);
    for (const { reject } of this.#pending.values()) reject(new Error(how));
    this.#pending.clear();
  }
}
