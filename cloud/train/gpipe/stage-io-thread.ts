/**
 * The I/O thread of a stage's process: the heartbeat, the writing of snapshots, sockets to neighbours on other machines. A thread of its own, because a native kernel blocks the
 * main thread for as long as it computes: transfers go on meanwhile, and the heart beats as long as the process is not stopped.
 */
import { write } from 'node:fs';
import type { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { clockMs } from './clock.js';
import { Greeting, type Neighbour } from './greeting.js';
import type { FromIo, IoOptions, IoRequests, ToIo } from './io-thread.js';
import type { Side } from './link.js';
import { Snapshots } from './snapshots.js';
import { heart } from './stage-messages.js';
import { sendFrame } from './wire.js';

interface Link {
  readonly epoch: number;
  readonly socket: Socket;
  untakenCount: number;
}

/** So many frames of a link may wait for the main thread; beyond that the socket is not read on. */
const maxUntaken = 4;

const port = parentPort!;
const { busy, operationTimeoutMs, linkSecret } = workerData as IoOptions;
const links = new Map<Side, Link>();
const greeting = new Greeting(linkSecret);

const requests: {
  readonly [R in keyof IoRequests]: (argument: IoRequests[R]['argument']) => Promise<IoRequests[R]['answer']>;
} = {
  async listen(address) {
    return (await greeting.listen(address, (neighbour) => open('up', neighbour))).address;
  },
  async connect({ epoch, address }) {
    links.get('down')?.socket.destroy();
    open('down', await greeting.dial(address, epoch));
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
let hasBeaten = false;
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
    if (error)
      process.kill(process.pid, 'SIGKILL'); // the coordinator is gone, and the main thread may be deep in a kernel
    else if (!hasBeaten) post({ type: 'firstBeat' });
    hasBeaten = true;
  });
}

/** Hands the frames of a neighbour to the main thread, as fast as it takes them. */
function open(side: Side, neighbour: Neighbour): void {
  const { epoch, socket, frames } = neighbour;
  links.get(side)?.socket.destroy();
  const link: Link = { epoch, socket, untakenCount: 0 };
  links.set(side, link);
  const lost = (problem: string) => {
    socket.destroy();
    post({ type: 'lost', side, epoch, problem });
  };
  frames
    .forEach((frame) => {
      const payload = frame.tensors[0]?.values.buffer; // all tensors of a frame are views of one buffer
      post({ type: 'frame', side, epoch, frame }, payload ? [payload as ArrayBuffer] : []);
      if (++link.untakenCount >= maxUntaken) socket.pause();
    })
    .then(
      () => lost('it was closed'),
      (error: Error) => lost(error.message),
    );
}

function taken(side: Side, epoch: number): void {
  const link = links.get(side);
  if (link?.epoch !== epoch) return;
  if (--link.untakenCount < maxUntaken) link.socket.resume();
}

function post(message: FromIo, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
