/** The reference block: what tells the pace (pace.ts), and what a process that has one is warmed up by. */
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { graphModelOf } from './graph-model.js';
import { fillInputs } from './inputs.js';
import type { Clock } from './measure.js';
import type { Runtime, Session } from './runtime/runtime.js';

/**
 * An MBConv block of 0.04 ms on one core of a desktop. Of four blocks that were tried it is slowed most like other workloads are; 5x5 depthwise convolutions are
 * slowed more than most (docs/adr/0008).
 */
export const referenceBlock: BlockWorkload = {
  kind: 'block',
  body: {
    kind: 'mbconv',
    outChannels: 32,
    expandRatio: 4,
    kernelSize: 3,
    stride: 1,
    activation: 'relu6',
    squeezeExcite: false,
  },
  inputShapes: [[14, 14, 32]],
  dtype: 'float32',
  batch: 1,
};

/** Warm when so many batches of runs in a row are not quicker by a share than the quickest. */
const warmUp = { runCount: 40, steadyCount: 20, steadyShare: 0.02, mostMs: 2000 } as const;

/** Loads the block and runs it until it gets no quicker: a runtime that is compiled as it runs takes six times as long at first, for some thousand runs. Throws what the runtime throws. */
export async function openWarm(runtime: Runtime, clock: Clock): Promise<Session> {
  const session = await runtime.load(graphModelOf(referenceBlock));
  try {
    fillInputs(session);
    await warm(session, clock);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

async function warm(session: Session, clock: Clock): Promise<void> {
  const { runCount, steadyCount, steadyShare, mostMs } = warmUp;
  const startMs = clock.nowMs();
  let leastMs = Number.POSITIVE_INFINITY;
  for (let steady = 0; steady < steadyCount && clock.nowMs() - startMs < mostMs; steady++) {
    const beforeMs = clock.nowMs();
    await session.run(runCount);
    const ms = clock.nowMs() - beforeMs;
    if (ms >= leastMs * (1 - steadyShare)) continue;
    leastMs = ms;
    steady = -1;
  }
}
