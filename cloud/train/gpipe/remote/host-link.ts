/** HostLink: one end of the connection between a coordinator and a training host, once both have greeted: messages, pieces of files, and its end. */
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import type { WebSocket } from 'ws';
import { encodeMessage, type FromHost, type ToHost } from './host-messages.js';

interface Handlers<In> {
  /** The most that a message to the other side may have. */
  readonly limitBytes: number;
  /** Throws `MESSAGE_INVALID`. */
  decode(bytes: Uint8Array): In;
  receive(message: In): void;
  /** Called once. */
  closed(how: string): void;
}

/** By RFC 6455, for people. */
const closeCodes: { readonly [code: number]: string } = {
  1006: 'the connection broke',
  1009: 'a message was too large',
};

/** A side's own messages are `Out`, those of the other `In`. */
export class HostLink<In extends FromHost | ToHost, Out extends FromHost | ToHost> {
  readonly #closed: Promise<void>;
  #pulling: { resolve(piece: Uint8Array): void; reject(error: Error): void } | null = null;

  constructor(
    private readonly socket: WebSocket,
    private readonly handlers: Handlers<In>,
  ) {
    let problem: string | null = null;
    socket.on('error', (error) => {
      problem = error.message;
    });
    socket.on('message', (bytes: Buffer, isPiece: boolean) => {
      try {
        if (isPiece) this.#take(bytes);
        else handlers.receive(handlers.decode(bytes));
      } catch (error) {
        if (!isAppError(error)) throw error;
        problem = error.message;
        socket.terminate();
      }
    });
    this.#closed = new Promise((resolve) => {
      socket.once('close', (code) => {
        const how = problem ?? closeCodes[code] ?? `the connection was closed with code ${code}`;
        this.#pulling?.reject(new Error(`the connection was lost: ${how}`));
        handlers.closed(how);
        resolve();
      });
    });
  }

  /** Throws `MESSAGE_TOO_LARGE`. */
  send(message: Out): void {
    const text = encodeMessage(message);
    const { limitBytes } = this.handlers;
    const byteCount = Buffer.byteLength(text);
    if (byteCount > limitBytes) throw new AppError('MESSAGE_TOO_LARGE', { byteCount, limitBytes });
    this.socket.send(text, () => {}); // an error means that the connection is going: its close is heard
  }

  sendPiece(piece: Uint8Array): void {
    this.socket.send(piece, () => {});
  }

  /** Asks for a piece of a file; one at a time. Rejects when the connection is lost. */
  pull(request: Out): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#pulling = { resolve, reject };
      if (this.socket.readyState !== this.socket.OPEN) reject(new Error('the connection was lost'));
      else this.send(request);
    });
  }

  /** Resolves when the other side has ended the connection; after `waitMs` this one does. */
  async ended(waitMs: number): Promise<void> {
    const timer = setTimeout(() => this.terminate(), waitMs);
    await this.#closed;
    clearTimeout(timer);
  }

  terminate(): void {
    this.socket.terminate();
  }

  #take(piece: Uint8Array): void {
    if (!this.#pulling) throw new AppError('MESSAGE_INVALID', { path: 'piece', problem: 'nobody asked for it' });
    this.#pulling.resolve(piece);
    this.#pulling = null;
  }
}
