import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  dealState,
  readPipelineCheckpoint,
  writePipelineCheckpoint,
} from '@bespoke/cloud/train/gpipe/pipeline-checkpoint.js';
import type { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { openPipeline, stageOf, stateOf, trainAlone } from './arithmetic.js';

const checkpointer = fileURLToPath(new URL('./fixtures/checkpointer.mjs', import.meta.url));

const write = (directory: string, pipeline: Pipeline) =>
  writePipelineCheckpoint(
    directory,
    { identity: 'net', step: pipeline.step, stageCount: pipeline.processIds.length },
    (paths) => pipeline.save(paths),
  );

/** A checkpoint after each of so many steps. */
async function checkpoints(stepCount: number): Promise<string> {
  const directory = temporaryFolder();
  const { pipeline } = await openPipeline({ stageCount: 2, microBatchCount: 1 });
  for (let step = 1; step <= stepCount; step++) {
    await pipeline.runStep();
    await write(directory, pipeline);
  }
  return directory;
}

describe('writePipelineCheckpoint', () => {
  it('keeps the last two', async () => {
    const directory = await checkpoints(3);
    expect(readdirSync(directory).sort()).toEqual(['checkpoint-2', 'checkpoint-3']);
    expect(readdirSync(join(directory, 'checkpoint-3')).sort()).toEqual([
      'manifest.json',
      'stage-0.safetensors',
      'stage-1.safetensors',
    ]);
    expect(await readPipelineCheckpoint(directory)).toMatchObject({ identity: 'net', step: 3, skipped: [] });
  });

  it('leaves a whole one whenever its process is killed', async () => {
    const directory = temporaryFolder();
    const random = randomStream(3, 'kills');
    for (let turn = 0; turn < 12; turn++) {
      const writer = spawn(process.execPath, [checkpointer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(writer.stdout!, 'data');
      await wait(40 * random.uniform());
      const exited = once(writer, 'exit');
      writer.kill('SIGKILL');
      await exited;
      const { step, state, skipped } = (await readPipelineCheckpoint(directory))!;
      expect(skipped).toEqual([]);
      expect([...state.keys()]).toEqual(['0/w', '1/w']);
      expect(new Set([...state.values()].flatMap(({ values }) => [...values]))).toEqual(new Set([step]));
    }
  });
});

describe('readPipelineCheckpoint', () => {
  it('knows no checkpoint where none was written', async () => {
    expect(await readPipelineCheckpoint(join(temporaryFolder(), 'none'))).toBeUndefined();
  });

  it.each([
    ['a flipped bit', (file: string) => writeFileSync(file, flipped(file)), /stage-1.safetensors should have the hash/],
    ['a missing file', (file: string) => rmSync(file), /ENOENT/],
    ['a manifest that is none', (file: string) => writeFileSync(join(file, '..', 'manifest.json'), '{'), /manifest/],
  ])('passes a damaged one over with a sentence: %s', async (_, damage, problem) => {
    const directory = await checkpoints(2);
    damage(join(directory, 'checkpoint-2', 'stage-1.safetensors'));
    const read = await readPipelineCheckpoint(directory);
    expect(read).toMatchObject({ step: 1, skipped: [expect.stringMatching(problem)] });
    expect(read!.skipped[0]).toMatch(/^expected a checkpoint in .*checkpoint-2, but .*; it was passed over/);
  });

  it('throws where all are damaged', async () => {
    const directory = await checkpoints(1);
    rmSync(join(directory, 'checkpoint-1', 'stage-0.safetensors'));
    await expect(readPipelineCheckpoint(directory)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
});

describe('dealState', () => {
  it('lets a training that stopped at two stages go on at three, with the bits of one that did not stop', async () => {
    const directory = temporaryFolder();
    const first = await openPipeline({ stageCount: 2, microBatchCount: 3 });
    for (let step = 1; step <= 3; step++) await first.pipeline.runStep();
    await write(directory, first.pipeline);
    await first.pipeline.close();

    const { step, state } = (await readPipelineCheckpoint(directory))!;
    const paths = await dealState(join(directory, 'dealt'), state, 3, (name) => stageOf(name, 3));
    const second = await openPipeline({ stageCount: 3, microBatchCount: 3 }, { from: { step, paths } });
    for (let next = 4; next <= 6; next++) expect((await second.pipeline.runStep()).step).toBe(next);
    expect(await stateOf(second.pipeline, 3)).toEqual(await trainAlone(3, 6));
  });

  it('is what a stage begins with again that dies before its first snapshot', async () => {
    const directory = await checkpoints(2);
    const { step, state } = (await readPipelineCheckpoint(directory))!;
    const paths = await dealState(join(directory, 'dealt'), state, 2, (name) => stageOf(name, 2));
    const onceAt = join(directory, 'died');
    const accidentOf = { stage: 1, accident: { kind: 'die', at: 'state', step: 0, onceAt } } as const;
    const { pipeline, faults } = await openPipeline(
      { stageCount: 2, microBatchCount: 1, accidentOf },
      { from: { step, paths } },
    );
    await pipeline.runStep();
    expect(faults).toMatchObject([{ stage: 1, step: 2 }]);
    expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(1, 3));
  });
});

function flipped(file: string): Buffer {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}
