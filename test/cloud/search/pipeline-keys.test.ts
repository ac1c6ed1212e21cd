import { pipelineSettings } from '@bespoke/cloud/search/pipeline-keys.js';
import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import { describe, expect, it } from 'vitest';

const keysOf = (text: string) => resolveSpec(parseSpec(`version: 1\ntrain:\n  pipeline: ${text}\n`)).train.pipeline!;

describe('train.pipeline', () => {
  it('fills the defaults in, and needs the number of stages', () => {
    expect(keysOf('{stages: 3}')).toEqual({
      stages: 3,
      microBatches: 'auto',
      schedule: 'auto',
      remat: 'none',
      memoryMB: null,
      threads: null,
    });
  });

  it.each([
    ['{}', 'train.pipeline.stages: Invalid input: expected number, received undefined'],
    ['{stages: 0}', 'train.pipeline.stages: Too small: expected number to be >=1'],
    ['{stages: 17}', 'train.pipeline.stages: Too big: expected number to be <=16'],
    ['{stages: 2, microBatches: many}', 'train.pipeline.microBatches: expected `auto` or a whole number from 1 to 256'],
    ['{stages: 2, microBatches: 257}', 'train.pipeline.microBatches: Too big: expected number to be <=256'],
    [
      '{stages: 2, microBatches: 65}',
      'train.pipeline.microBatches: expected no more micro-batches than the samples of a batch',
    ],
    [
      '{stages: 2, schedule: zigzag}',
      'train.pipeline.schedule: Invalid option: expected one of "auto"|"gpipe"|"1f1b"|"zero-bubble"',
    ],
    [
      '{stages: 2, remat: never}',
      'train.pipeline.remat: Invalid option: expected one of "none"|"except-last"|"always"',
    ],
    ['{stages: 2, memoryMB: 0}', 'train.pipeline.memoryMB: Too small: expected number to be >0'],
    ['{stages: 2, threads: 1.5}', 'train.pipeline.threads: Invalid input: expected int, received number'],
  ])('refuses %s', (text, problem) => {
    expect(() => keysOf(text)).toThrow(`study specification, line 3, ${problem}`);
  });

  it('names a misspelt key and the nearest', () => {
    expect(() => keysOf('{stages: 2, microBatch: 4}')).toThrow(
      'line 3: expected a key of "train.pipeline", but got "microBatch"; did you mean "microBatches"?',
    );
  });
});

describe('pipelineSettings', () => {
  it('says the same in the words of the training, memory in bytes', () => {
    const text = '{stages: 2, microBatches: 4, schedule: 1f1b, remat: always, memoryMB: 64, threads: 2}';
    expect(pipelineSettings(keysOf(text), 9)).toEqual({
      stageCount: 2,
      microBatchCount: 4,
      schedule: '1f1b',
      remat: 'always',
      memoryCapBytes: 64_000_000,
      threadCount: 2,
    });
  });

  it('has no more stages than the network has blocks', () => {
    expect(pipelineSettings(keysOf('{stages: 8}'), 5)).toMatchObject({ stageCount: 5, memoryCapBytes: null });
  });
});
