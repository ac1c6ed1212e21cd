/** IoThread: the main thread's handle of its I/O thread (stage-io-thread.ts), and what the two say to one another. */
import { Worker } from 'node:worker_threads';
import type { Side, Span } from './link.js';
import type { Address } from './stage-messages.js';
import type { Frame, ReceivedFrame } from './wire.js';

export interface IoOptions {
  /** One number: since when the operation under way runs; 0 where there is none. */
  readonly busy: Float64Array;
  readonly operationTimeoutMs: number;
  /** Of `StageOpening`. */
  readonly linkSecret: string;
}

export interface IoRequests {
  listen: { argument: Address; answer: Address };
  connect: { argument: { readonly epoch: number; readonly address: Address }; answer: null };
  send: { argument: { readonly side: Side; readonly frame: Frame }; answer: Span };
  keep: { argument: { readonly directory: string; readonly step: number; readonly bytes: Uint8Array }; answer: null };
}
type RequestName = keyof IoRequests;

export type ToIo =
  | { readonly type: 'taken'; readonly side: Side; readonly epoch: number }
  | { readonly type: 'request'; readonly id: number; readonly request: RequestName; readonly argument: unknown };
export type FromIo =
  | { readonly type: 'firstBeat' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly problem: string }
  | { readonly type: 'frame'; readonly side: Side; readonly epoch: number; readonly frame: ReceivedFrame }
  | { readonly type: 'lost'; readonly side: Side; readonly epoch: number; readonly problem: string };

interface Receiver {
  readonly epoch: number;
  readonly onFrame: (frame: ReceivedFrame) => void;
}

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

export class IoThread {
  #noteFirstBeat!: () => void;
  /** When the heart has first beaten: from then on the coordinator notices within seconds that the process is stopped. */
  readonly firstBeat = new Promise<void>((resolve) => {
    this.#noteFirstBeat = resolve;
  });
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #receivers = new Map<Side, Receiver>();
  #requestCount = 0;

  constructor(
    options: IoOptions,
    private readonly onLost: (side: Side, epoch: number, problem: string) => void,
  ) {
    this.#worker = new Worker(new URL('./stage-io-thread.js', import.meta.url), { workerData: options });
    this.#worker.on('message', (message: FromIo) => this.#handlers[message.type](message as never));
    this.#worker.on('error', (error) => {
      throw error; // the process ends, and is started again
    });
  }

  request<R extends RequestName>(
    request: R,
    argument: IoRequests[R]['argument'],
    transfer: ArrayBuffer[] = [],
  ): Promise<IoRequests[R]['answer']> {
    const id = this.#requestCount++;
    this.#post({ type: 'request', id, request, argument }, transfer);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
  }

  /** From now on frames of the side go there, if they are of its epoch. */
  receive(side: Side, receiver: Receiver): void {
    this.#receivers.set(side, receiver);
  }

  /** Makes room for another frame of the side. */
  take(side: Side, epoch: number): void {
    this.#post({ type: 'taken', side, epoch });
  }

  #post(message: ToIo, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  readonly #handlers: { readonly [T in FromIo['type']]: (message: Extract<FromIo, { type: T }>) => void } = {
    firstBeat: () => this.#noteFirstBeat(),
    answer: ({ id, answer }) => this.#settled(id).resolve(answer as never),
    failure: ({ id, problem }) => this.#settled(id).reject(new Error(problem)),
    frame: ({ side, epoch, frame }) => {
      const receiver = this.#receivers.get(side);
      if (receiver?.epoch === epoch) receiver.onFrame(frame);
    },
    lost: ({ side, epoch, problem }) => this.onLost(side, epoch, problem),
  };

  #settled(id: number): Pending {
    const pending = this.#pending.get(id)!;
    this.#pending.delete(id);
    return pending;
  }
}
