/** StageIo: the main thread's side of the I/O thread: frames to and from the neighbours, the mark that an operation is under way, snapshots. */
import { Worker } from 'node:worker_threads';
import { clockMs } from './clock.js';
import type { Address } from './stage-messages.js';
import type { StageTensor } from './stage-runner.js';
import type { Frame, FrameKind, ReceivedFrame } from './wire.js';

/** The stage before this one, or the stage after it. */
export type Side = 'up' | 'down';

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

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
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly problem: string }
  | { readonly type: 'frame'; readonly side: Side; readonly epoch: number; readonly frame: ReceivedFrame }
  | { readonly type: 'lost'; readonly side: Side; readonly epoch: number; readonly problem: string };

/** A neighbour is gone, or waiting for it was ended: no fault of this stage. */
export class LinkLost extends Error {}

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

const kindTo: { readonly [S in Side]: FrameKind } = { down: 'activation', up: 'gradient' };
const frameKey = (side: Side, { step, microBatch }: Pick<Frame, 'step' | 'microBatch'>) =>
  `${side} ${step} ${microBatch}`;

export class StageIo {
  readonly #thread: Worker;
  readonly #busy = new Float64Array(new SharedArrayBuffer(8));
  readonly #requests = new Map<number, Pending>();
  readonly #arrived = new Map<string, ReceivedFrame>();
  readonly #awaited = new Map<string, (frame: ReceivedFrame) => void>();
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #copies = new SharedCopies();
  #lost: string | null = null;
  #epoch = 0;
  #requestCount = 0;

  constructor(options: Pick<IoOptions, 'operationTimeoutMs' | 'linkSecret'>) {
    const workerData: IoOptions = { ...options, busy: this.#busy };
    this.#thread = new Worker(new URL('./stage-io-thread.js', import.meta.url), { workerData });
    this.#thread.on('message', (message: FromIo) => this.#handle(message));
    this.#thread.on('error', (error) => {
      throw error; // the process ends, and is started again
    });
  }

  listen(address: Address): Promise<Address> {
    return this.#request('listen', address);
  }

  /** Writes a snapshot (snapshots.ts) while the caller computes on; `bytes` are given away. */
  keep(directory: string, step: number, bytes: Uint8Array): Promise<null> {
    return this.#request('keep', { directory, step, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** Begins an epoch, with new links and nothing of earlier ones; `next` is null at the last stage. */
  async link(epoch: number, next: Address | null): Promise<void> {
    this.#epoch = epoch;
    this.#lost = null;
    this.#arrived.clear();
    if (next !== null) await this.#request('connect', { epoch, address: next }).catch(lost);
  }

  /** Sends copies of the tensors while the caller goes on; resolves to the span of the transfer. Rejects with `LinkLost`. */
  send(side: Side, step: number, microBatch: number, tensors: readonly StageTensor[]): Promise<Span> {
    const copies = tensors.map(({ shape, values }) => ({ shape, values: this.#copies.of(values) }));
    const frame: Frame = { kind: kindTo[side], step, microBatch, tensors: copies };
    const sent = this.#request('send', { side, frame }).finally(() => {
      for (const { values } of copies) this.#copies.release(values);
    });
    return this.#waitFor(sent.catch(lost));
  }

  /** Waits for the message of a neighbour. Throws `LinkLost`. */
  async receive(side: Side, step: number, microBatch: number): Promise<ReceivedFrame> {
    const key = frameKey(side, { step, microBatch });
    const arrival = new Promise<ReceivedFrame>((resolve) => this.#awaited.set(key, resolve));
    const frame = this.#arrived.get(key) ?? (await this.#waitFor(arrival));
    this.#awaited.delete(key);
    this.#arrived.delete(key);
    this.#post({ type: 'taken', side, epoch: this.#epoch });
    return frame;
  }

  /** Ends all waiting for neighbours. */
  stopWaiting(reason: string): void {
    for (const reject of this.#waiting) reject(new LinkLost(reason));
    this.#waiting.clear();
    this.#awaited.clear();
  }

  /** Does an operation under the eyes of the heart: where it takes longer than the deadline, the coordinator ends this process. */
  async operate<T>(work: () => Promise<T>): Promise<{ readonly result: T } & Span> {
    const startMs = clockMs();
    this.#busy[0] = startMs;
    try {
      const result = await work();
      return { result, startMs, endMs: clockMs() };
    } finally {
      this.#busy[0] = 0;
    }
  }

  #waitFor<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
      if (this.#lost !== null) reject(new LinkLost(this.#lost));
    });
  }

  #request<R extends RequestName>(
    request: R,
    argument: IoRequests[R]['argument'],
    transfer: ArrayBuffer[] = [],
  ): Promise<IoRequests[R]['answer']> {
    const id = this.#requestCount++;
    this.#post({ type: 'request', id, request, argument }, transfer);
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
    });
  }

  #post(message: ToIo, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer);
  }

  #handle(message: FromIo): void {
    this.#handlers[message.type](message as never);
  }

  readonly #handlers: { readonly [T in FromIo['type']]: (message: Extract<FromIo, { type: T }>) => void } = {
    answer: ({ id, answer }) => this.#settled(id).resolve(answer as never),
    failure: ({ id, problem }) => this.#settled(id).reject(new Error(problem)),
    frame: ({ side, epoch, frame }) => {
      if (epoch !== this.#epoch) return;
      const key = frameKey(side, frame);
      const onArrival = this.#awaited.get(key);
      if (onArrival) onArrival(frame);
      else this.#arrived.set(key, frame);
    },
    lost: ({ side, epoch, problem }) => {
      if (epoch !== this.#epoch) return;
      this.#lost = `the link to the stage ${side === 'up' ? 'before' : 'after'} is lost: ${problem}`;
      this.stopWaiting(this.#lost);
    },
  };

  #settled(id: number): Pending {
    const pending = this.#requests.get(id)!;
    this.#requests.delete(id);
    return pending;
  }
}

function lost(error: Error): never {
  throw new LinkLost(error.message);
}

/** Copies that the other thread sees as well, in memory that is used again: what a step sends is no garbage. */
class SharedCopies {
  readonly #free: Float32Array[] = [];

  of(values: Float32Array): Float32Array {
    const at = this.#free.findIndex(({ length }) => length === values.length);
    const copy = at >= 0 ? this.#free.splice(at, 1)[0]! : new Float32Array(new SharedArrayBuffer(values.byteLength));
    copy.set(values);
    return copy;
  }

  release(copy: Float32Array): void {
    this.#free.push(copy);
  }
}
