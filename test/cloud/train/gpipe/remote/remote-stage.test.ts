import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clockMs } from '@bespoke/cloud/train/gpipe/clock.js';
import { dealState } from '@bespoke/cloud/train/gpipe/pipeline-checkpoint.js';
import { newToken } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { decodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../support/folder.js';
import { isAlive, Program } from '../../../../support/program.js';
import { until } from '../../../../support/until.js';
import { type Accident, openPipeline, operationsOf, stageOf, stateOf, trainAlone } from '../arithmetic.js';
import { placed, startHost } from './hosts.js';

const two = { stageCount: 2, microBatchCount: 3 } as const;

describe('RemoteStage', () => {
  it.each([
    ['the last stage elsewhere', [0, 1], '1f1b'],
    ['the first', [1, 0], 'zero-bubble'],
    ['the middle', [0, 1, 0], '1f1b'],
    ['all', [1, 1, 1], 'zero-bubble'],
  ] as const)('trains with the bits of one process: %s', async (_, isThere, order) => {
    const host = await startHost();
    const arrangement = { stageCount: isThere.length, microBatchCount: 4, order };
    const hosts = isThere.map((is) => (is ? host : null));
    const { pipeline, faults } = await openPipeline(arrangement, { stages: placed(arrangement, hosts) });
    for (let step = 1; step <= 3; step++) expect(await pipeline.runStep()).toMatchObject({ step });
    expect(await stateOf(pipeline, isThere.length)).toEqual(await trainAlone(4, 3));
    expect(faults).toEqual([]);
    await pipeline.close();
    expect(readdirSync(join(host.directory, 'runs'))).toEqual([]);
  });

  it('has neighbours on different machines reach one another, whatever their order', async () => {
    const [attic, cellar] = [await startHost({ listenOn: '127.0.0.2' }), await startHost({ listenOn: '127.0.0.3' })];
    const arrangement = { stageCount: 4, microBatchCount: 3 };
    for (const hosts of [
      [attic, null, cellar, attic],
      [null, attic, cellar, null],
    ]) {
      const { pipeline, faults } = await openPipeline(arrangement, { stages: placed(arrangement, hosts) });
      await pipeline.runStep();
      expect(await stateOf(pipeline, 4)).toEqual(await trainAlone(3, 1));
      expect(faults).toEqual([]);
    }
  });

  it.each([
    ['SIGKILL', 'SIGKILL'],
    ['SIGSTOP', 'hangs: no heartbeat for 3000 ms'],
  ] as const)('replaces a stage on its own host, from its snapshots there: %s', async (signal, how) => {
    const host = await startHost();
    const { pipeline, faults } = await openPipeline(two, { stages: placed(two, [null, host]) });
    for (let step = 1; step <= 2; step++) await pipeline.runStep();
    const [local, remote] = pipeline.processIds as [number, number];
    process.kill(remote, signal);
    for (let step = 3; step <= 4; step++) expect(await pipeline.runStep()).toMatchObject({ step });
    expect(faults).toMatchObject([{ stage: 1, how }]);
    expect(faults[0]!.step).toBeGreaterThan(0);
    expect(pipeline.processIds[0]).toBe(local);
    expect(isAlive(remote)).toBe(false);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(3, 4));
  });

  it('goes on when a killed host is started again at its address', async () => {
    const host = await startHost();
    const { pipeline, faults } = await openPipeline(two, { stages: placed(two, [host, null]) });
    for (let step = 1; step <= 2; step++) await pipeline.runStep();
    const orphan = pipeline.processIds[0]!;
    await host.program.kill('SIGKILL');
    const step = pipeline.runStep();
    await startHost({ before: host });
    expect(await step).toMatchObject({ step: 3 });
    expect(faults).toMatchObject([
      { stage: 0, how: `the host 127.0.0.1:${host.address.port} is lost (the connection broke)` },
    ]);
    expect(faults[0]!.step).toBeGreaterThan(0);
    await until('the stage of the killed host ends', () => !isAlive(orphan), 5000);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(3, 3));
  });

  it('survives kill -9 of stages and of their host at any moment, with the bits of an undisturbed run', async () => {
    let host = await startHost();
    const arrangement = { stageCount: 3, microBatchCount: 4, delayMs: 3 };
    const stages = placed(arrangement, [null, host, host]);
    const { pipeline, faults } = await openPipeline(arrangement, { stages });
    const random = randomStream(7, 'hosts');
    const killStage = (stage: number) => process.kill(pipeline.processIds[stage]!, 'SIGKILL');
    const killHost = async () => {
      await host.program.kill('SIGKILL');
      host = await startHost({ before: host });
    };
    const accidents = [() => killStage(0), () => killStage(1), () => killStage(2), killHost];
    const rows: string[] = [];
    let stepCount = 0;
    for (const index of [...random.permutation(12)]) {
      let hitMs = 0;
      let ended: unknown;
      const timer = setTimeout(() => {
        hitMs = clockMs();
        ended = accidents[index % accidents.length]!();
      }, 150 * random.uniform());
      const before = faults.length;
      while (faults.length === before) expect((await pipeline.runStep()).step).toBe(++stepCount);
      clearTimeout(timer);
      await ended;
      const { stage, how, noticedMs, recoveredMs } = faults.at(-1)!;
      const sinceHit = (ms: number) => `${(ms - hitMs).toFixed()} ms`;
      rows.push(`stage ${stage}, ${how}: noticed ${sinceHit(noticedMs)}, recovered ${sinceHit(recoveredMs)}`);
    }
    console.log(rows.join('\n'));
    expect(await stateOf(pipeline, 3)).toEqual(await trainAlone(4, stepCount));
  }, 120_000);

  it('gives up with a sentence that names the host when it stays away', async () => {
    const host = await startHost();
    const { pipeline } = await openPipeline(two, { stages: placed(two, [null, host]), dialForMs: 100 });
    await pipeline.runStep();
    await host.program.kill('SIGKILL');
    const name = `127.0.0.1:${host.address.port}`;
    await expect(pipeline.runStep()).rejects.toThrow(
      `the last in stage 1 (the host ${name} does not answer (connect ECONNREFUSED ${name})); does \`npx bespoke train-host\` run on ${name},`,
    );
  });

  it('says so of a host whose name nobody knows', async () => {
    const address = { host: 'attic.invalid', port: 7420, token: newToken() };
    const three = { stageCount: 3, microBatchCount: 2 };
    const stages = placed(three, []).map((stage, index) => (index === 0 ? { ...stage, host: address } : stage));
    await expect(openPipeline(three, { stages, dialForMs: 100 })).rejects.toMatchObject({
      code: 'STAGE_LOST',
      details: { stage: 0, how: expect.stringContaining('the host attic.invalid:7420 does not answer (getaddrinfo') },
    });
  });

  it('notices a host that is stopped, and leaves nothing running there when it comes round', async () => {
    const host = await startHost();
    const { pipeline } = await openPipeline(two, { stages: placed(two, [null, host]), dialForMs: 100 });
    await pipeline.runStep();
    const remote = pipeline.processIds[1]!;
    process.kill(host.program.pid, 'SIGSTOP');
    const stoppedMs = clockMs();
    await expect(pipeline.runStep()).rejects.toMatchObject({
      code: 'STAGE_LOST',
      details: { stage: 1, how: `the host 127.0.0.1:${host.address.port} does not answer (it says nothing)` },
    });
    expect(clockMs() - stoppedMs).toBeLessThan(6000);
    process.kill(host.program.pid, 'SIGCONT');
    await until('the stage of the lost connection ends', () => !isAlive(remote), 5000);
  });

  it('is refused with another token, at once', async () => {
    const host = await startHost();
    const stranger = { ...host, address: { ...host.address, token: newToken() } };
    await expect(openPipeline(two, { stages: placed(two, [null, stranger]) })).rejects.toThrow(
      `expected the training host 127.0.0.1:${host.address.port} to run a stage for this machine, but it has another token; copy what`,
    );
  });

  it('passes on what the code of a stage throws', async () => {
    const accident: Accident = { kind: 'throw', at: 'forward', step: 2 };
    const host = await startHost();
    const arrangement = { ...two, accidentOf: { stage: 1, accident } };
    const { pipeline } = await openPipeline(arrangement, { stages: placed(arrangement, [null, host]) });
    await pipeline.runStep();
    await expect(pipeline.runStep()).rejects.toMatchObject({
      code: 'STAGE_FAILED',
      details: { stage: 1, problem: expect.stringContaining('a bad kernel') },
    });
  });

  it.each([0, 1])('ends at once when a stage there is aborted for want of memory: stage %i', async (stage) => {
    const accident: Accident = { kind: 'exhaust', at: 'backward', step: 1 };
    const host = await startHost();
    const arrangement = { ...two, accidentOf: { stage, accident } };
    const hosts = stage === 0 ? [host, null] : [null, host];
    const { pipeline, faults } = await openPipeline(arrangement, { stages: placed(arrangement, hosts) });
    await expect(pipeline.runStep()).rejects.toMatchObject({
      code: 'STAGE_FAILED',
      details: { stage, problem: expect.stringContaining('no memory left (std::bad_alloc)') },
    });
    expect(faults).toEqual([]);
  });

  it('tells a stage that dies there again and again from a host that is lost', async () => {
    const accident: Accident = { kind: 'exit', at: 'backward', step: 1 };
    const host = await startHost();
    const arrangement = { ...two, accidentOf: { stage: 0, accident } };
    const { pipeline } = await openPipeline(arrangement, { stages: placed(arrangement, [host, null]) });
    await expect(pipeline.runStep()).rejects.toMatchObject({
      code: 'STAGE_LOST',
      details: {
        stage: 0,
        how: 'exit code 7',
        remedy: 'where memory is short, take more partitions or micro-batches, or recompute more (remat always)',
      },
    });
  });

  it('brings saved state here with its hash, and takes it to other hosts, to another number of stages', async () => {
    const [host, other] = [await startHost(), await startHost()];
    const { pipeline } = await openPipeline(two, { stages: placed(two, [null, host]) });
    for (let step = 1; step <= 2; step++) await pipeline.runStep();
    const paths = [0, 1].map((stage) => join(temporaryFolder(), `${stage}`));
    const saved = await pipeline.save(paths);
    await pipeline.close();
    const files = paths.map((path) => readFileSync(path));
    expect(saved).toEqual(
      files.map((bytes) => ({ sha256: createHash('sha256').update(bytes).digest('hex'), byteCount: bytes.length })),
    );

    const three = { stageCount: 3, microBatchCount: 3 };
    const state = new Map(files.flatMap((bytes) => [...decodeSafetensors(bytes).weights]));
    const dealt = await dealState(temporaryFolder(), state, 3, (name) => stageOf(name, 3));
    const resumed = await openPipeline(three, {
      stages: placed(three, [other, null, host]),
      from: { step: 2, paths: dealt },
    });
    for (let step = 3; step <= 4; step++) expect(await resumed.pipeline.runStep()).toMatchObject({ step });
    expect(await stateOf(resumed.pipeline, 3)).toEqual(await trainAlone(3, 4));
  });

  it('tells when things happened by this clock, whatever the clock of the host says', async () => {
    const clock = fileURLToPath(new URL('../fixtures/later-clock.mjs', import.meta.url));
    const host = await startHost({ environment: { NODE_OPTIONS: `--import ${clock}` } });
    const { pipeline } = await openPipeline(
      { ...two, delayMs: 5 },
      { stages: placed({ ...two, delayMs: 5 }, [null, host]) },
    );
    const startMs = clockMs();
    const { trace } = await pipeline.runStep();
    const endMs = clockMs();
    const span = (stage: number, kind: string, microBatch: number) =>
      trace.find((event) => event.stage === stage && event.kind === kind && event.microBatch === microBatch)!;
    const slackMs = 3; // half of the quickest ping, on a busy machine
    for (let m = 0; m < two.microBatchCount; m++) {
      expect(span(0, 'forward', m).endMs).toBeLessThan(span(1, 'forward', m).startMs + slackMs);
      expect(span(1, 'backward', m).endMs).toBeLessThan(span(0, 'backward', m).startMs + slackMs);
    }
    expect(Math.min(...trace.map((event) => event.startMs))).toBeGreaterThan(startMs - slackMs);
    expect(Math.max(...trace.map((event) => event.endMs))).toBeLessThan(endMs + slackMs);
  });

  it('ends with its coordinator: the host kills what a killed one leaves behind', async () => {
    const host = await startHost();
    const options = {
      stages: placed(two, [null, host]),
      operations: operationsOf(two),
      directory: join(temporaryFolder(), 'snapshots'),
      operationTimeoutMs: 20_000,
    };
    const coordinator = new Program('cloud/train/gpipe/fixtures/coordinator.mjs', [JSON.stringify(options)]);
    const [line] = await coordinator.line(/\[.*\]/);
    const processIds = JSON.parse(line) as number[];
    expect(processIds.filter(isAlive)).toHaveLength(2);
    await coordinator.kill('SIGKILL');
    await until('the stages end', () => !processIds.some(isAlive), 5000);
    expect(isAlive(host.program.pid)).toBe(true);
  });
});
