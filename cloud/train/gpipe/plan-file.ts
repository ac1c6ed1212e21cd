/**
 * The file beside a pipeline's checkpoints that says whose they are and what its plan was made from, so that a resumed training neither measures again nor takes other
 * micro-batches: through batch norm, their number is part of the result (GPipe 2.2). K, schedule and remat are not.
 */
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { z } from 'zod';
import { readTextIfThere, replaceFile } from '../files.js';
import type { PipelineSettings } from './pipeline-settings.js';
import type { Profile } from './profiler.js';

export interface PlanFile {
  readonly version: 1;
  /** Hash of what is trained: backend, network, recipe, data. */
  readonly identity: string;
  /** With the chosen number of micro-batches as its only candidate. */
  readonly profile: Profile;
}

const fileName = 'plan.json';

const figure = z.number().min(0);
const block = z.strictObject({
  id: z.string(),
  forwardMs: figure,
  backwardMs: figure,
  weightGradientMs: figure.default(0), // plans of before it was measured have none
  parameterBytes: figure,
  savedBytes: figure,
  boundaryBytes: figure,
});
const costs = z.strictObject({ microBatchCount: z.number().int().min(1), inputBytes: figure, blocks: z.array(block) });
const planFileSchema = z.strictObject({
  version: z.literal(1),
  identity: z.string(),
  profile: z.strictObject({
    candidates: z.tuple([costs]),
    transfer: z.strictObject({ messageMs: figure, byteMs: figure }),
    oneProcessStepMs: figure.nullable(),
  }),
}) satisfies z.ZodType<PlanFile>;

/** Undefined where there is none. Throws `CHECKPOINT_FOREIGN` where the folder is of another training, `CHECKPOINT_INVALID` where the file cannot be read. */
export async function readPlanFile(
  directory: string,
  identity: string,
  { microBatchCount }: Pick<PipelineSettings, 'microBatchCount'>,
): Promise<PlanFile | undefined> {
  const file = await read(directory);
  if (!file) return undefined;
  if (file.identity !== identity) throw foreignCheckpoint(directory);
  const kept = file.profile.candidates[0].microBatchCount;
  if (microBatchCount !== 'auto' && microBatchCount !== kept)
    throw new AppError('CHECKPOINT_FOREIGN', { directory, what: `${kept} micro-batches` });
  return file;
}

/** What is in the folder is of another training. */
export function foreignCheckpoint(directory: string): AppError {
  const what = 'another network, data set, recipe, backend or number of micro-batches';
  return new AppError('CHECKPOINT_FOREIGN', { directory, what });
}

export async function writePlanFile(directory: string, file: PlanFile): Promise<void> {
  await replaceFile(join(directory, fileName), JSON.stringify(file));
}

async function read(directory: string): Promise<PlanFile | undefined> {
  const text = await readTextIfThere(join(directory, fileName));
  if (text === undefined) return undefined;
  try {
    return planFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    const problem = `${fileName} cannot be read (${(cause as Error).message}); delete it to measure anew`;
    throw new AppError('CHECKPOINT_INVALID', { directory, problem }, { cause });
  }
}
