/**
 * SocketLink: the link to a neighbouring stage on another machine. The I/O thread has the socket, so that frames go on their way while this one computes: out of a copy in memory
 * that both threads see, and into memory that it hands over.
 */
import type { IoThread } from './io-thread.js';
import { type Link, LinkLost, type Side, type Span } from './link.js';
import type { Frame, ReceivedFrame } from './wire.js';

const keyOf = ({ step, microBatch }: Pick<Frame, 'step' | 'microBatch'>) => `${step} ${microBatch}`;

export class SocketLink implements Link {
  readonly #copies = new SharedCopies();
  readonly #arrived = new Map<string, ReceivedFrame>();
  readonly #awaited = new Map<string, (frame: ReceivedFrame) => void>();

  constructor(
    private readonly thread: IoThread,
    private readonly side: Side,
    readonly epoch: number,
  ) {
    thread.receive(side, { epoch, onFrame: (frame) => this.#arrive(frame) });
  }

  async send({ tensors, ...head }: Frame): Promise<Span> {
    const copies = tensors.map(({ shape, values }) => ({ shape, values: this.#copies.of(values) }));
    try {
      return await this.thread.request('send', { side: this.side, frame: { ...head, tensors: copies } });
    } catch (error) {
      throw new LinkLost((error as Error).message);
    } finally {
      for (const { values } of copies) this.#copies.release(values);
    }
  }

  async receive(step: number, microBatch: number): Promise<ReceivedFrame> {
    const key = keyOf({ step, microBatch });
    const arrival = new Promise<ReceivedFrame>((resolve) => this.#awaited.set(key, resolve));
    const frame = this.#arrived.get(key) ?? (await arrival);
    this.#awaited.delete(key);
    this.#arrived.delete(key);
    this.thread.take(this.side, this.epoch);
    return frame;
  }

  /** The I/O thread closes the socket when another takes its place. */
  close(): void {}

  #arrive(frame: ReceivedFrame): void {
    const key = keyOf(frame);
    const onArrival = this.#awaited.get(key);
    if (onArrival) onArrival(frame);
    else this.#arrived.set(key, frame);
  }
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
