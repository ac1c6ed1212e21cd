import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clockMs } from '@bespoke/cloud/train/gpipe/clock.js';
import { LocalStage } from '@bespoke/cloud/train/gpipe/local-stage.js';
import type { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { encodeFrame } from '@bespoke/cloud/train/gpipe/wire.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { isAlive } from '../../../support/program.js';
import { until } from '../../../support/until.js';
import { type Accident, openPipeline, operationsOf, stagesOf, stateOf, trainAlone } from './arithmetic.js';

const coordinator = fileURLToPath(new URL('./fixtures/coordinator.mjs', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whoever dies or throws as it commits the first of them, others may have run it by then, or not. */
async function twoSteps(pipeline: Pipeline): Promise<void> {
  for (let count = 1; count <= 2; count++) await pipeline.runStep();
}

describe('Pipeline', () => {
  const orders = ['gpipe', '1f1b', 'recomputing', 'zero-bubble'] as const;
  it.each(
    [1, 2, 3, 4].flatMap((K) =>
      [1, 3, 4].flatMap((M, index) =>
        [false, true].map((together) => [K, M, orders[(K + index) % orders.length]!, together] as const),
      ),
    ),
  )(
    'ends with the bits of one process: %i stages, %i micro-batches, %s, commits together: %s',
    async (stageCount, microBatchCount, order, commitsTogether) => {
      const { pipeline, faults } = await openPipeline({ stageCount, microBatchCount, order }, { commitsTogether });
      for (let step = 1; step <= 4; step++) expect(await pipeline.runStep()).toMatchObject({ step });
      expect(await stateOf(pipeline, stageCount)).toEqual(await trainAlone(microBatchCount, 4, { commitsTogether }));
      expect(faults).toEqual([]);
    },
  );

  it('sums the figures of all stages, and traces every operation and transfer on one clock', async () => {
    const [stageCount, microBatchCount] = [3, 4];
    const { pipeline } = await openPipeline({ stageCount, microBatchCount, delayMs: 5 });
    const startMs = clockMs();
    const { figures, trace } = await pipeline.runStep();
    expect(figures).toMatchObject({ stages: 3, loss: expect.closeTo(figures.loss!) });
    const count = (kind: string) => trace.filter((event) => event.kind === kind).length;
    expect(['forward', 'backward', 'send', 'recv'].map(count)).toEqual([12, 12, 16, 16]);
    const span = (stage: number, kind: string, microBatch: number) =>
      trace.find((event) => event.stage === stage && event.kind === kind && event.microBatch === microBatch)!;
    for (let m = 0; m < microBatchCount; m++) {
      expect(span(0, 'forward', m).endMs).toBeLessThanOrEqual(span(1, 'forward', m).startMs);
      expect(span(1, 'forward', m).endMs).toBeLessThanOrEqual(span(2, 'forward', m).startMs);
      expect(span(2, 'backward', m).endMs).toBeLessThanOrEqual(span(1, 'backward', m).startMs);
      expect(span(1, 'backward', m).endMs).toBeLessThanOrEqual(span(0, 'backward', m).startMs);
    }
    for (const event of trace) {
      expect(event.startMs).toBeGreaterThanOrEqual(startMs);
      expect(event.endMs).toBeLessThanOrEqual(clockMs());
    }
  });

  it('runs over TCP, with more frames on their way than a stage takes in', async () => {
    const arrangement = { stageCount: 2, microBatchCount: 12 };
    const address = { host: '127.0.0.1', port: 0 };
    const stages = stagesOf(arrangement).map((stage) => ({ ...stage, address }));
    const { pipeline } = await openPipeline(arrangement, { stages });
    await pipeline.runStep();
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(12, 1));
  });

  it('takes no stranger for a neighbour who greets without the secret of the run', async () => {
    const arrangement = { stageCount: 2, microBatchCount: 3 };
    const address = { host: '127.0.0.1', port: await freePort() };
    const stages = stagesOf(arrangement).map((stage, index) => (index === 1 ? { ...stage, address } : stage));
    const { pipeline, faults } = await openPipeline(arrangement, { stages });
    const guess = new Float32Array(4);
    const hello = encodeFrame({ kind: 'hello', step: 1, microBatch: 0, tensors: [{ shape: [4], values: guess }] });
    const secretless = encodeFrame({ kind: 'hello', step: 1, microBatch: 0, tensors: [] });
    const large = Uint32Array.of(0x42_53_50_31, 3, 2 ** 28); // asks for the memory of 1 GiB
    for (const bytes of [Buffer.concat(hello), Buffer.concat(secretless), Buffer.from(large.buffer)]) {
      const socket = connect(address, () => socket.write(bytes)).resume();
      await once(socket, 'close');
      expect(socket.bytesRead).toBe(0);
    }
    await pipeline.runStep();
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(3, 1));
    expect(faults).toEqual([]);
  });

  it.each([
    ['in memory', undefined],
    ['over TCP', { host: '127.0.0.1', port: 0 }],
  ])(
    'survives SIGKILL and SIGSTOP of any stage at any moment, linked %s, with the bits of an undisturbed run',
    async (_, address) => {
      const arrangement = { stageCount: 3, microBatchCount: 4, delayMs: 3 };
      const { stageCount, microBatchCount } = arrangement;
      const stages = stagesOf(arrangement).map((stage) => (address ? { ...stage, address } : stage));
      const { pipeline, faults } = await openPipeline(arrangement, { stages });
      const random = randomStream(7, 'faults');
      const signals = [...Array(8).fill('SIGKILL'), ...Array(4).fill('SIGSTOP')] as NodeJS.Signals[];
      const order = [...random.permutation(signals.length)].map((index) => signals[index]!);
      const victims = [...random.permutation(signals.length)].map((index) => index % stageCount);
      const rows: string[] = [];
      let stepCount = 0;
      for (const [index, signal] of order.entries()) {
        const stage = victims[index]!;
        const processId = pipeline.processIds[stage]!;
        const afterMs = 150 * random.uniform();
        let hitMs = 0;
        const timer = setTimeout(() => {
          hitMs = clockMs();
          process.kill(processId, signal);
        }, afterMs);
        const before = faults.length;
        while (faults.length === before) expect((await pipeline.runStep()).step).toBe(++stepCount);
        clearTimeout(timer);
        const { stage: lost, how, noticedMs, recoveredMs } = faults.at(-1)!;
        expect(lost).toBe(stage);
        const [noticed, recovered] = [noticedMs - hitMs, recoveredMs - hitMs];
        rows.push(
          `${signal} of stage ${stage}, step ${stepCount}: noticed ${noticed.toFixed()} ms, recovered ${recovered.toFixed()} ms (${how})`,
        );
        expect(recovered).toBeLessThan(signal === 'SIGKILL' ? 3000 : 8000);
        expect(noticed).toBeLessThan(signal === 'SIGKILL' ? 3000 : 5000);
      }
      console.log(rows.join('\n'));
      expect(faults).toHaveLength(order.length);
      expect(await stateOf(pipeline, stageCount)).toEqual(await trainAlone(microBatchCount, stepCount));
    },
    120_000,
  );

  it.each([1, 3])(
    'notices within seconds that a stage is stopped as soon as it is open: %i stages',
    async (stageCount) => {
      const { pipeline, faults } = await openPipeline({ stageCount, microBatchCount: 2 });
      const stage = stageCount - 1;
      const hitMs = clockMs();
      process.kill(pipeline.processIds[stage]!, 'SIGSTOP');
      await pipeline.runStep();
      expect(faults).toMatchObject([{ stage, how: 'hangs: no heartbeat for 3000 ms' }]);
      expect(faults[0]!.noticedMs - hitMs).toBeLessThan(5000);
    },
  );

  it('keeps no file of a link that is gone', async () => {
    const { pipeline, faults } = await openPipeline({ stageCount: 2, microBatchCount: 3 });
    const [survivor] = pipeline.processIds as [number];
    const openFiles = () => readdirSync(`/proc/${survivor}/fd`).length;
    await pipeline.runStep();
    const before = openFiles();
    for (let killCount = 1; killCount <= 4; killCount++) {
      process.kill(pipeline.processIds[1]!, 'SIGKILL');
      while (faults.length < killCount) await pipeline.runStep();
    }
    await pipeline.runStep();
    expect(pipeline.processIds[0]).toBe(survivor);
    expect(openFiles()).toBeLessThanOrEqual(before);
  });

  it.each(
    (
      [
        ['before it commits', 'beforeCommit'],
        ['after it committed, before it said so', 'afterCommit'],
        ['before its snapshot is written', 'state'],
        ['within a backward', 'backward'],
      ] as const
    ).flatMap(([when, at]) => [false, true].map((together) => [when, together, at] as const)),
  )(
    'agrees on a step when a stage dies %s, be it the last step; commits together: %s',
    async (_, commitsTogether, at) => {
      for (const [stage, step] of [0, 1, 2].flatMap((stage) => [2, 4].map((step) => [stage, step] as const))) {
        const accident: Accident = { kind: 'die', at, step, onceAt: join(temporaryFolder(), 'died') };
        const arrangement = { stageCount: 3, microBatchCount: 3, accidentOf: { stage, accident } };
        const { pipeline, faults } = await openPipeline(arrangement, { commitsTogether });
        for (let count = 1; count <= 4; count++) expect((await pipeline.runStep()).step).toBe(count);
        expect(await stateOf(pipeline, 3)).toEqual(await trainAlone(3, 4, { commitsTogether }));
        expect(faults).toMatchObject([{ stage, how: 'SIGKILL' }]);
      }
    },
  );

  /**
   *   stage 0  F0 F1 .  .          loses its link at the cross, while it reads the state of step 2, as stage 1 has done before: that is where both go back to, and what
   *            .  .  state─────    stage 0 was asked to do after its run, the commit, must not move what is being read
   *   stage 1  .  F0 B0 ✗
   *            state─
   */
  it('commits nothing after a run that failed', async () => {
    const accident: Accident = { kind: 'die', at: 'backward', step: 3, onceAt: join(temporaryFolder(), 'died') };
    const { pipeline, faults } = await openPipeline({
      ...{ stageCount: 2, microBatchCount: 3, order: '1f1b', delayMs: 20, stateDelayMs: 40 },
      accidentOf: { stage: 1, accident },
    });
    for (let step = 1; step <= 3; step++) await pipeline.runStep();
    expect(faults).toMatchObject([{ stage: 1, how: 'SIGKILL' }]);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(3, 3));
  });

  it('replays the steps since the last snapshot when not every step has one', async () => {
    const accident: Accident = { kind: 'exit', at: 'forward', step: 7, onceAt: join(temporaryFolder(), 'died') };
    const { pipeline, faults } = await openPipeline(
      { stageCount: 2, microBatchCount: 3, accidentOf: { stage: 1, accident } },
      { snapshotEvery: 3 },
    );
    for (let step = 1; step <= 8; step++) expect((await pipeline.runStep()).step).toBe(step);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(3, 8));
    expect(faults).toMatchObject([{ stage: 1, how: 'exit code 7' }]);
    expect([3, 6]).toContain(faults[0]!.step);
  });

  it('waits for a kernel that blocks the main thread for longer than the heart may stand still', async () => {
    const onceAt = join(temporaryFolder(), 'blocked');
    const accident: Accident = { kind: 'block', at: 'forward', step: 1, blockMs: 4000, onceAt };
    const { pipeline, faults } = await openPipeline({
      stageCount: 2,
      microBatchCount: 2,
      accidentOf: { stage: 0, accident },
    });
    await pipeline.runStep();
    expect(faults).toEqual([]);
  });

  it.each(['stuck', 'block'] as const)('ends a stage whose operation is beyond its deadline: %s', async (kind) => {
    const onceAt = join(temporaryFolder(), 'hung');
    const accident: Accident = { kind, at: 'backward', step: 2, blockMs: 60_000, onceAt };
    const { pipeline, faults } = await openPipeline(
      { stageCount: 2, microBatchCount: 2, accidentOf: { stage: 1, accident } },
      { operationTimeoutMs: 1000 },
    );
    for (let step = 1; step <= 3; step++) await pipeline.runStep();
    expect(faults).toMatchObject([{ stage: 1, how: 'hangs: an operation is beyond its deadline' }]);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(2, 3));
  });

  it('ends with STAGE_FAILED when the code of a stage throws', async () => {
    const accident: Accident = { kind: 'throw', at: 'forward', step: 2 };
    const { pipeline, faults } = await openPipeline({
      stageCount: 2,
      microBatchCount: 2,
      accidentOf: { stage: 1, accident },
    });
    await pipeline.runStep();
    await expect(pipeline.runStep()).rejects.toMatchObject({ code: 'STAGE_FAILED', details: { stage: 1 } });
    expect(faults).toEqual([]);
  });

  it('ends with STAGE_FAILED when the code of a stage throws as it commits: in the next step, or in the checkpoint', async () => {
    const accident: Accident = { kind: 'throw', at: 'beforeCommit', step: 1 };
    for (const next of ['runStep', 'save'] as const) {
      const { pipeline } = await openPipeline({
        stageCount: 2,
        microBatchCount: 2,
        accidentOf: { stage: 1, accident },
      });
      await pipeline.runStep();
      const ended = next === 'save' ? stateOf(pipeline, 2) : pipeline.runStep();
      await expect(ended).rejects.toMatchObject({ code: 'STAGE_FAILED', details: { stage: 1 } });
    }
  });

  it.each(
    [0, 1].flatMap((stage) => (['forward', 'backward', 'beforeCommit'] as const).map((at) => [stage, at] as const)),
  )('ends with STAGE_FAILED at once when stage %i is aborted for want of memory: %s', async (stage, at) => {
    const accident: Accident = { kind: 'exhaust', at, step: 2 };
    const { pipeline, faults } = await openPipeline({
      stageCount: 2,
      microBatchCount: 2,
      accidentOf: { stage, accident },
    });
    await pipeline.runStep();
    await expect(at === 'beforeCommit' ? twoSteps(pipeline) : pipeline.runStep()).rejects.toMatchObject({
      code: 'STAGE_FAILED',
      details: {
        stage,
        problem: expect.stringMatching(/^its process has no memory left \(std::bad_alloc\); take more /),
      },
    });
    expect(faults).toEqual([]);
  });

  it.each([
    ['backward', 2, 1],
    ['beforeCommit', 2, 1],
    ['backward', 6, 4],
    ['beforeCommit', 6, 4],
  ] as const)(
    'gives up with STAGE_LOST on a stage that dies again and again: %s of step %i, a snapshot every %i steps',
    async (at, step, snapshotEvery) => {
      const accident: Accident = { kind: 'die', at, step };
      const { pipeline } = await openPipeline(
        { stageCount: 2, microBatchCount: 2, accidentOf: { stage: 0, accident } },
        { snapshotEvery },
      );
      for (let before = 1; before < step; before++) await pipeline.runStep();
      await expect(at === 'beforeCommit' ? twoSteps(pipeline) : pipeline.runStep()).rejects.toMatchObject({
        code: 'STAGE_LOST',
        details: { stage: 0, how: 'SIGKILL' },
      });
    },
  );

  it('says that the process of a stage did not start', async () => {
    const { execPath } = process;
    process.execPath = join(temporaryFolder(), 'no-node');
    const stage = new LocalStage(0, 1);
    process.execPath = execPath;
    await expect(stage.call('abort', null, 5000)).rejects.toThrow(/^stage 0: it did not start: .*ENOENT/);
    await stage.close();
    expect(stage.gone).toMatch(/^it did not start: .*ENOENT/);
  });

  it('leaves no process behind: neither closed, nor killed while a stage computes', async () => {
    const { pipeline } = await openPipeline({ stageCount: 3, microBatchCount: 1 });
    const closed = pipeline.processIds;
    await pipeline.close();
    expect(closed.filter(isAlive)).toEqual([]);

    const accident: Accident = { kind: 'block', at: 'forward', step: 1, blockMs: 60_000 };
    const arrangement = { stageCount: 3, microBatchCount: 2, accidentOf: { stage: 0, accident } };
    const options = {
      stages: stagesOf(arrangement),
      operations: operationsOf(arrangement),
      commitsTogether: false,
      directory: join(temporaryFolder(), 'snapshots'),
      operationTimeoutMs: 120_000,
    };
    const parent = spawn(process.execPath, [coordinator, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout!.setEncoding('utf8'), 'data')) as [string];
    const processIds = JSON.parse(line) as number[];
    expect(processIds.filter(isAlive)).toHaveLength(3);
    parent.kill('SIGKILL');
    await until('the stages end with their coordinator', () => !processIds.some(isAlive), 5000);
  });
});
