/** What a message between neighbours takes, measured over a link as between two stages of this machine; both ends are in this process. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '@bespoke/shared/latency/statistics.js';
import type { TransferCost } from './costs.js';
import { Greeting } from './greeting.js';
import { MemoryLink } from './memory-link.js';

const sizes = { small: 16_384, large: 1_048_576 } as const; // floats
const [warmupCount, roundCount] = [2, 7];

/** The line through the median times of a small and a large message. */
export async function measureTransfer(): Promise<TransferCost> {
  const [near, far] = await linkedPair();
  try {
    let stepCount = 0;
    const timeOf = async (floatCount: number): Promise<number> => {
      const tensors = [{ shape: [floatCount], values: new Float32Array(floatCount) }];
      const timesMs: number[] = [];
      for (let round = 0; round < warmupCount + roundCount; round++) {
        const step = ++stepCount;
        const arrival = far.receive(step, 0);
        const startMs = performance.now();
        void near.send({ kind: 'activation', step, microBatch: 0, tensors });
        await arrival;
        timesMs.push(performance.now() - startMs);
      }
      return median(timesMs.slice(warmupCount));
    };
    const [smallMs, largeMs] = [await timeOf(sizes.small), await timeOf(sizes.large)];
    const byteMs = Math.max(largeMs - smallMs, 0) / ((sizes.large - sizes.small) * Float32Array.BYTES_PER_ELEMENT);
    return { byteMs, messageMs: Math.max(smallMs - byteMs * sizes.small * Float32Array.BYTES_PER_ELEMENT, 0) };
  } finally {
    for (const link of [near, far]) link.close();
  }
}

async function linkedPair(): Promise<readonly [near: MemoryLink, far: MemoryLink]> {
  const folder = await mkdtemp(join(tmpdir(), 'bespoke-transfer-'));
  const path = join(folder, 'socket');
  const greeting = new Greeting(randomBytes(16).toString('hex'));
  const far: MemoryLink[] = [];
  const listening = await greeting.listen({ path }, (neighbour) => far.push(MemoryLink.answer(path, neighbour)));
  try {
    const near = await MemoryLink.dial(path, 1, () => greeting.dial({ path }, 1));
    const ends = [near, far[0]!] as const; // welcomed before it was answered
    for (const link of ends) void link.ended();
    return ends;
  } finally {
    listening.close();
    await rm(folder, { recursive: true }); // links outlive their names
  }
}
