/** StageIo: what the main thread of a stage has to do with the world: its links to the neighbours, the mark that an operation is under way, snapshots. */
import { clockMs } from './clock.js';
import { Greeting } from './greeting.js';
import { IoThread } from './io-thread.js';
import { type Link, LinkLost, type Side, type Span } from './link.js';
import { MemoryLink } from './memory-link.js';
import { SocketLink } from './socket-link.js';
import type { Address } from './stage-messages.js';
import type { StageTensor } from './stage-runner.js';
import type { FrameKind, ReceivedFrame } from './wire.js';

const kindTo: { readonly [S in Side]: FrameKind } = { down: 'activation', up: 'gradient' };
const neighbourAt: { readonly [S in Side]: string } = { up: 'the stage before', down: 'the stage after' };

export class StageIo {
  readonly #busy = new Float64Array(new SharedArrayBuffer(8));
  readonly #thread: IoThread;
  readonly #greeting: Greeting;
  readonly #links = new Map<Side, Link>();
  readonly #waiting = new Set<(error: Error) => void>();
  /** The stage before dials from another machine. */
  #isFarFromBefore = false;
  #lost: string | null = null;
  #epoch = 0;

  constructor(options: { readonly operationTimeoutMs: number; readonly linkSecret: string }) {
    const { operationTimeoutMs, linkSecret } = options;
    this.#greeting = new Greeting(linkSecret);
    this.#thread = new IoThread({ busy: this.#busy, operationTimeoutMs, linkSecret }, (side, epoch, problem) =>
      this.#lose(side, epoch, problem),
    );
  }

  /** For the stage before: on this machine at a path, from others at a port. Resolves to the address with the port that it got, once the heart beats. */
  async listen(address: Address): Promise<Address> {
    await this.#thread.firstBeat;
    this.#isFarFromBefore = !('path' in address);
    if (!('path' in address)) return this.#thread.request('listen', address);
    const { path } = address;
    await this.#greeting.listen(address, (neighbour) => this.#open('up', MemoryLink.answer(path, neighbour)));
    return address;
  }

  /** Writes a snapshot (snapshots.ts) while the caller computes on; `bytes` are given away. */
  keep(directory: string, step: number, bytes: Uint8Array): Promise<null> {
    return this.#thread.request('keep', { directory, step, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** Begins an epoch; `next` is null at the last stage. Throws `LinkLost`. */
  async link(epoch: number, next: Address | null): Promise<void> {
    this.#epoch = epoch;
    this.#lost = null;
    try {
      if (this.#isFarFromBefore) this.#links.set('up', new SocketLink(this.#thread, 'up', epoch));
      if (next !== null) await this.#dial(next, epoch);
    } catch (error) {
      throw new LinkLost((error as Error).message);
    }
  }

  /** Sends copies of the tensors while the caller goes on; resolves to the span of the transfer. Rejects with `LinkLost`. */
  send(side: Side, step: number, microBatch: number, tensors: readonly StageTensor[]): Promise<Span> {
    return this.#waitFor(this.#links.get(side)!.send({ kind: kindTo[side], step, microBatch, tensors }));
  }

  /** Waits for the message of a neighbour. Throws `LinkLost`. */
  receive(side: Side, step: number, microBatch: number): Promise<ReceivedFrame> {
    return this.#waitFor(this.#links.get(side)!.receive(step, microBatch));
  }

  /** Ends all waiting for neighbours. */
  stopWaiting(reason: string): void {
    for (const reject of this.#waiting) reject(new LinkLost(reason));
    this.#waiting.clear();
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

  async #dial(address: Address, epoch: number): Promise<void> {
    if ('path' in address) {
      const greet = () => this.#greeting.dial(address, epoch);
      this.#open('down', await MemoryLink.dial(address.path, epoch, greet));
    } else {
      this.#links.set('down', new SocketLink(this.#thread, 'down', epoch));
      await this.#thread.request('connect', { epoch, address });
    }
  }

  #open(side: Side, link: MemoryLink): void {
    const held = this.#links.get(side);
    if (held && held.epoch > link.epoch) {
      link.close(); // dialled before, answered after
      return;
    }
    held?.close();
    this.#links.set(side, link);
    link.ended().then((problem) => this.#lose(side, link.epoch, problem));
  }

  #lose(side: Side, epoch: number, problem: string): void {
    if (epoch !== this.#epoch) return;
    this.#lost = `the link to ${neighbourAt[side]} is lost: ${problem}`;
    this.stopWaiting(this.#lost);
  }

  #waitFor<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
      if (this.#lost !== null) reject(new LinkLost(this.#lost));
    });
  }
}
