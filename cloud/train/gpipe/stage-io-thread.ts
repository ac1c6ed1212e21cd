/**
 * The I/O thread of a stage's process: sockets to the neighbours, the heartbeat, the writing of snapshots. A thread of its own, because a native kernel blocks the
 * main thread for as long as it computes: transfers go on meanwhile, and the heart beats as long as the process is not stopped.
 */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { write } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { clockMs } from './clock.js';
import { Snapshots } from './snapshots.js';
import type { FromIo, IoOptions, IoRequests, Side, ToIo } from './stage-io.js';
import { heart } from './stage-messages.js';
import { type Frame, type ReceivedFrame, receiveFrames, sendFrame } from './wire.js';

interface Link {
  readonly side: Side;
  readonly epoch: number;
  readonly socket: Socket;
  readonly frames: AsyncGenerator<ReceivedFrame>;
  untakenCount: number;
  onTaken: () => void;
}

/** So many frames of a link may wait for the main thread; beyond that the socket is not read on. */
const maxUntaken = 4;

const port = parentPort!;
const { busy, operationTimeoutMs, linkSecret } = workerData as IoOptions;
const links = new Map<Side, Link>();

/** Who has to be greeted in so much time; also how long the next stage may take to be reached. */
const helloTimeoutMs = 10_000;
const maxConnections = 64;
const secret = Uint8Array.from(Buffer.from(linkSecret, 'hex'));
const hello = (epoch: number): Frame => ({
  kind: 'hello',
  step: epoch,
  microBatch: 0,
  tensors: [{ shape: [secret.length / 4], values: new Float32Array(secret.buffer) }],
});

const requests: {
  readonly [R in keyof IoRequests]: (argument: IoRequests[R]['argument']) => Promise<IoRequests[R]['answer']>;
} = {
  async listen(address) {
    const server = createServer({ noDelay: true }, (socket) => void accept(socket));
    server.maxConnections = maxConnections;
    await once(server.listen(address), 'listening');
    const bound = server.address() as AddressInfo | string;
    return typeof bound === 'string' ? { path: bound } : { host: bound.address, port: bound.port };
  },
  async connect({ epoch, address }) {
    links.get('down')?.socket.destroy();
    const socket = connect({ ...address, noDelay: true });
    const frames = await within(helloTimeoutMs, socket, async () => {
      await once(socket, 'connect');
      const received = receiveFrames(socket, secret.length);
      const answer = received.next();
      await sendFrame(socket, hello(epoch));
      if (greeted(await answer) !== epoch) throw new Error('the next stage did not greet');
      return received;
    });
    open('down', epoch, socket, frames);
    return null;
  },
  async send({ side, frame }) {
    const startMs = clockMs();
    await sendFrame(links.get(side)!.socket, frame);
    return { startMs, endMs: clockMs() };
  },
  async keep({ directory, step, bytes }) {
    await new Snapshots(directory).write(step, bytes);
    return null;
  },
};

port.on('message', async (message: ToIo) => {
  if (message.type === 'taken') return taken(message.side, message.epoch);
  const { id, request, argument } = message;
  try {
    const answer = await (requests[request] as (argument: unknown) => Promise<unknown>)(argument);
    post({ type: 'answer', id, answer });
  } catch (error) {
    post({ type: 'failure', id, problem: (error as Error).message });
  }
});

let isBeating = false;
let beatsOfOperation = 0;
let seenSinceMs = 0;
beat();
setInterval(beat, heart.beatMs);

/** An operation's time is counted in beats, so that a process which was stopped with its coordinator is not taken for one that hangs. */
function beat(): void {
  const [sinceMs] = busy as unknown as [number];
  beatsOfOperation = sinceMs === seenSinceMs ? beatsOfOperation + 1 : 0;
  seenSinceMs = sinceMs;
  if (isBeating) return;
  isBeating = true;
  const isOverdue = sinceMs > 0 && beatsOfOperation * heart.beatMs > operationTimeoutMs;
  write(heart.fd, Uint8Array.of(isOverdue ? heart.overdue : heart.alive), (error) => {
    isBeating = false;
    if (error) process.kill(process.pid, 'SIGKILL'); // the coordinator is gone, and the main thread may be deep in a kernel
  });
}

async function accept(socket: Socket): Promise<void> {
  const frames = receiveFrames(socket, secret.length);
  try {
    const epoch = await within(helloTimeoutMs, socket, async () => greeted(await frames.next()));
    if (epoch === null) throw new Error('the stage before did not greet');
    open('up', epoch, socket, frames);
    await sendFrame(socket, hello(epoch));
  } catch {
    socket.destroy(); // who called hears it; the coordinator hears it from there
  }
}

/** The epoch of a neighbour's greeting; null for anything else. */
function greeted({ done, value: frame }: IteratorResult<ReceivedFrame, void>): number | null {
  if (done || frame.kind !== 'hello' || frame.tensors.length !== 1) return null;
  const { buffer, byteOffset, byteLength } = frame.tensors[0]!.values;
  const isOurs =
    byteLength === secret.length && timingSafeEqual(new Uint8Array(buffer, byteOffset, byteLength), secret);
  return isOurs ? frame.step : null;
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

function open(side: Side, epoch: number, socket: Socket, frames: AsyncGenerator<ReceivedFrame>): void {
  links.get(side)?.socket.destroy();
  const link: Link = { side, epoch, socket, frames, untakenCount: 0, onTaken: () => {} };
  links.set(side, link);
  void pump(link);
}

/** Hands the frames of a link to the main thread, as fast as it takes them. */
async function pump(link: Link): Promise<void> {
  const { side, epoch } = link;
  let problem = 'it was closed';
  try {
    for await (const frame of link.frames) {
      const payload = frame.tensors[0]?.values.buffer; // all tensors of a frame are views of one buffer
      post({ type: 'frame', side, epoch, frame }, payload ? [payload as ArrayBuffer] : []);
      if (++link.untakenCount >= maxUntaken)
        await new Promise<void>((resolve) => {
          link.onTaken = resolve;
        });
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  link.socket.destroy();
  post({ type: 'lost', side, epoch, problem });
}

function taken(side: Side, epoch: number): void {
  const link = links.get(side);
  if (link?.epoch !== epoch) return;
  link.untakenCount--;
  link.onTaken();
}

function post(message: FromIo, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
