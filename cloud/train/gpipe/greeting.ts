/**
 * Greeting: how neighbouring stages find one another, over a Unix socket or TCP. The stage before dials and greets first, with the secret of the run and the epoch; who does not
 * have the secret is given neither an answer nor memory.
 */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Address } from './stage-messages.js';
import { type Frame, FrameStream, type ReceivedFrame, sendFrame } from './wire.js';

/** A neighbour that has greeted, and the frames that it sends from then on. */
export interface Neighbour {
  readonly epoch: number;
  readonly socket: Socket;
  readonly frames: FrameStream;
}

export interface Listening {
  readonly address: Address;
  /** Ends no link. */
  close(): void;
}

/** Who has to be greeted in so much time; also how long the next stage may take to be reached. */
const greetingTimeoutMs = 10_000;
const maxConnections = 64;

export class Greeting {
  readonly #secret: Uint8Array;

  /** `linkSecret` is that of `StageOpening`. */
  constructor(linkSecret: string) {
    this.#secret = Uint8Array.from(Buffer.from(linkSecret, 'hex'));
  }

  /** Resolves to where it listens, with the port that it got. A neighbour is welcomed before it is answered. */
  async listen(address: Address, welcome: (neighbour: Neighbour) => void): Promise<Listening> {
    const server = createServer({ noDelay: true }, (socket) => void this.#accept(socket, welcome));
    server.maxConnections = maxConnections;
    await once(server.listen(address), 'listening');
    const bound = server.address() as AddressInfo | string;
    return {
      address: typeof bound === 'string' ? { path: bound } : { host: bound.address, port: bound.port },
      close: () => void server.close(),
    };
  }

  async dial(address: Address, epoch: number): Promise<Neighbour> {
    const socket = connect({ ...address, noDelay: true });
    return within(greetingTimeoutMs, socket, async () => {
      await once(socket, 'connect');
      const frames = new FrameStream(socket, this.#secret.length);
      await sendFrame(socket, this.#hello(epoch));
      if (this.#epochOf(await frames.next()) !== epoch) throw new Error('the next stage did not greet');
      return { epoch, socket, frames };
    });
  }

  async #accept(socket: Socket, welcome: (neighbour: Neighbour) => void): Promise<void> {
    const frames = new FrameStream(socket, this.#secret.length);
    try {
      const epoch = await within(greetingTimeoutMs, socket, async () => this.#epochOf(await frames.next()));
      if (epoch === null) throw new Error('the stage before did not greet');
      welcome({ epoch, socket, frames });
      await sendFrame(socket, this.#hello(epoch));
    } catch {
      socket.destroy(); // who dialled hears it; the coordinator hears it from there
    }
  }

  #hello(epoch: number): Frame {
    const values = new Float32Array(this.#secret.buffer);
    return { kind: 'hello', step: epoch, microBatch: 0, tensors: [{ shape: [values.length], values }] };
  }

  /** The epoch of a neighbour's greeting; null for anything else. */
  #epochOf(frame: ReceivedFrame | null): number | null {
    if (frame?.kind !== 'hello' || frame.tensors.length !== 1) return null;
    const { buffer, byteOffset, byteLength } = frame.tensors[0]!.values;
    const isOurs =
      byteLength === this.#secret.length &&
      timingSafeEqual(new Uint8Array(buffer, byteOffset, byteLength), this.#secret);
    return isOurs ? frame.step : null;
  }
}

/** Does `work` with the socket, which is destroyed when that takes longer or fails. */
async function within<T>(timeoutMs: number, socket: Socket, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => socket.destroy(new Error(`no greeting within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await work();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
