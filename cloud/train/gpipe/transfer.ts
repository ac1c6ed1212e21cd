/** What a message between neighbours takes, measured over a real socket with the frames of wire.ts; both ends are in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '@bespoke/shared/latency/statistics.js';
import type { TransferCost } from './costs.js';
import { type ReceivedFrame, receiveFrames, sendFrame } from './wire.js';

const sizes = { small: 16_384, large: 1_048_576 } as const; // floats
const [warmupCount, roundCount] = [2, 7];

/** The line through the median times of a small and a large message. */
export async function measureTransfer(): Promise<TransferCost> {
  const folder = await mkdtemp(join(tmpdir(), 'bespoke-transfer-'));
  const [near, far, close] = await socketPair(join(folder, 'socket'));
  try {
    const frames = receiveFrames(far);
    const [smallMs, largeMs] = [await timeOf(near, frames, sizes.small), await timeOf(near, frames, sizes.large)];
    const byteMs = Math.max(largeMs - smallMs, 0) / ((sizes.large - sizes.small) * Float32Array.BYTES_PER_ELEMENT);
    return { byteMs, messageMs: Math.max(smallMs - byteMs * sizes.small * Float32Array.BYTES_PER_ELEMENT, 0) };
  } finally {
    close();
    await rm(folder, { recursive: true });
  }
}

async function timeOf(near: Socket, frames: AsyncGenerator<ReceivedFrame>, floatCount: number): Promise<number> {
  const tensors = [{ shape: [floatCount], values: new Float32Array(floatCount) }];
  const timesMs: number[] = [];
  for (let round = 0; round < warmupCount + roundCount; round++) {
    const startMs = performance.now();
    await Promise.all([sendFrame(near, { kind: 'activation', step: 1, microBatch: round, tensors }), frames.next()]);
    timesMs.push(performance.now() - startMs);
  }
  return median(timesMs.slice(warmupCount));
}

function socketPair(path: string): Promise<[near: Socket, far: Socket, close: () => void]> {
  return new Promise((resolve, reject) => {
    let near: Socket;
    const server = createServer((far) => {
      server.close();
      resolve([near, far, () => [near, far].map((socket) => socket.destroy())]);
    });
    server.once('error', reject);
    server.listen(path, () => {
      near = connect(path);
    });
  });
}
