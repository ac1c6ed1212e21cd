/**
 * MemoryLink: the link to the neighbouring stage on the same machine: a file of frames each way, and a Unix socket from main thread to main thread to wake one who waits.
 *
 *   sender    frame ─▶ file    does the other wait? ─ yes ─▶ bell                      goes on
 *   receiver  is it there? ─ yes ─▶ computes                  │
 *                          └ no ─▶ "I wait" ─ still not? ─▶ sleeps ◀┘ ─▶ it is there ─▶ computes
 *
 * Each says or does its own first and looks at the other's then, so one of them sees the other. Where the file has no room, frames go over the socket.
 */
import { clockMs } from './clock.js';
import { FrameFile } from './frame-file.js';
import type { Neighbour } from './greeting.js';
import type { Link, Span } from './link.js';
import type { StageTensor } from './stage-runner.js';
import { type Frame, type ReceivedFrame, sendFrame } from './wire.js';

/** Of the files of a link, by who sends. */
const nameOf = (path: string, epoch: number, sender: 'above' | 'below') => `${path}-${epoch}-${sender}`;

const copyOf = ({ shape, values }: StageTensor): StageTensor => ({ shape, values: values.slice() });

export class MemoryLink implements Link {
  #hasRoom = true;
  /** What came over the socket, by micro-batch. */
  readonly #received = new Map<number, ReceivedFrame>();
  #onBell: () => void = () => {};

  private constructor(
    private readonly neighbour: Neighbour,
    private readonly outgoing: FrameFile,
    private readonly incoming: FrameFile,
  ) {}

  /** To the next stage, which listens at `path`; `greet` dials it. */
  static async dial(path: string, epoch: number, greet: () => Promise<Neighbour>): Promise<MemoryLink> {
    const outgoing = FrameFile.create(nameOf(path, epoch, 'above'));
    try {
      return new MemoryLink(await greet(), outgoing, FrameFile.take(nameOf(path, epoch, 'below')));
    } catch (error) {
      outgoing.close();
      throw error;
    }
  }

  /** To the stage before, which has dialled `path` and waits to be answered. */
  static answer(path: string, neighbour: Neighbour): MemoryLink {
    const incoming = FrameFile.take(nameOf(path, neighbour.epoch, 'above'));
    try {
      return new MemoryLink(neighbour, FrameFile.create(nameOf(path, neighbour.epoch, 'below')), incoming);
    } catch (error) {
      incoming.close();
      throw error;
    }
  }

  get epoch(): number {
    return this.neighbour.epoch;
  }

  async send(frame: Frame): Promise<Span> {
    const startMs = clockMs();
    this.#hasRoom &&= this.outgoing.put(frame);
    if (!this.#hasRoom) this.#write({ ...frame, tensors: frame.tensors.map(copyOf) });
    else if (this.incoming.isWaiting) this.#write({ ...frame, kind: 'bell', tensors: [] });
    return { startMs, endMs: clockMs() };
  }

  async receive(step: number, microBatch: number): Promise<ReceivedFrame> {
    let frame = this.#get(step, microBatch);
    if (frame) return frame;
    this.outgoing.sayWaiting(true);
    for (frame = this.#get(step, microBatch); !frame; frame = this.#get(step, microBatch))
      await new Promise<void>((resolve) => {
        this.#onBell = resolve;
      });
    this.outgoing.sayWaiting(false);
    return frame;
  }

  /** Resolves to why the link is at its end, as soon as it is. */
  async ended(): Promise<string> {
    try {
      await this.neighbour.frames.forEach((frame) => {
        if (frame.kind !== 'bell') this.#received.set(frame.microBatch, frame);
        this.#onBell();
      });
      return 'it was closed';
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.neighbour.socket.destroy();
    }
  }

  close(): void {
    this.neighbour.socket.destroy();
    this.outgoing.close();
    this.incoming.close();
  }

  #get(step: number, microBatch: number): ReceivedFrame | null {
    const received = this.#received.get(microBatch);
    if (received?.step === step) {
      this.#received.delete(microBatch);
      return received;
    }
    const startMs = clockMs();
    const frame = this.incoming.get(step, microBatch);
    return frame && { ...frame, startMs, endMs: clockMs() };
  }

  #write(frame: Frame): void {
    sendFrame(this.neighbour.socket, frame).catch(() => {}); // `ended` tells of it
  }
}
