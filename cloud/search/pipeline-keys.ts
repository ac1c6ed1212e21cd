/** The keys of a specification's `train.pipeline`, and what they mean for the network that was found. */
import { z } from 'zod';
import type { PipelineSettings } from '../train/gpipe/pipeline-settings.js';
import { remats, scheduleChoices } from '../train/gpipe/schedule.js';

const mostMicroBatches = 256;

export const pipelineSchema = z.strictObject({
  /** K: parts of the network, each trained by a process of its own. */
  stages: z.number().int().min(1).max(16),
  /** M: parts of a batch; `auto`: as many as are predicted to be fastest. */
  microBatches: z
    .union([z.literal('auto'), z.number().int().min(1).max(mostMicroBatches)], {
      error: `expected \`auto\` or a whole number from 1 to ${mostMicroBatches}`,
    })
    .default('auto'),
  /** Of forwards and backwards; `auto`: the one that is predicted to be fastest. */
  schedule: z.enum(scheduleChoices).default('auto'),
  /** Which micro-batches compute their activations again instead of keeping them. */
  remat: z.enum(remats).default('none'),
  /** What a stage may take, in millions of bytes; null for anything. */
  memoryMB: z.number().positive().max(1e7).nullable().default(null),
  /** Of each stage; null: the processors dealt out to the stages. */
  threads: z.number().int().min(1).max(256).nullable().default(null),
});

export type PipelineKeys = z.output<typeof pipelineSchema>;

const bytesPerMB = 1e6;

/** For a network of `blockCount` blocks: a stage holds one at least, so a small network has fewer stages than were asked for. */
export function pipelineSettings(keys: PipelineKeys, blockCount: number): PipelineSettings {
  const { stages, microBatches, schedule, remat, memoryMB, threads } = keys;
  return {
    stageCount: Math.min(stages, blockCount),
    microBatchCount: microBatches,
    schedule,
    remat,
    memoryCapBytes: memoryMB === null ? null : memoryMB * bytesPerMB,
    threadCount: threads,
  };
}
