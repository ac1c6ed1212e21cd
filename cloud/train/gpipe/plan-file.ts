/**
 * The file beside a pipeline's checkpoints that says whose they are and what its plan was made from, so that a resumed training neither measures again nor takes other
 * micro-batches: through batch norm, their number is part of the result (GPipe 2.2). K, schedule and remat are not.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { replaceFile } from '../files.js';
import type { PipelineSettings } from './pipeline-settings.js';
import type { Profile } from './profiler.js';

export interface PlanFile {
  readonly version: 1;
  /** Hash of what is trained: backend, network, recipe, data. */
  readonly identity: string;
  readonly microBatchCount: number;
  readonly profile: Profile;
}

const fileName = 'plan.json';

/** Undefined where there is none. Throws `CHECKPOINT_FOREIGN` where the folder is of another training, `CHECKPOINT_INVALID` where the file cannot be read. */
export async function readPlanFile(
  directory: string,
  identity: string,
  { microBatchCount }: Pick<PipelineSettings, 'microBatchCount'>,
): Promise<PlanFile | undefined> {
  const file = await read(directory);
  if (!file) return undefined;
  if (file.identity !== identity)
    throw new AppError('CHECKPOINT_FOREIGN', { directory, what: 'another network, data set, recipe or backend' });
  if (microBatchCount !== 'auto' && microBatchCount !== file.microBatchCount)
    throw new AppError('CHECKPOINT_FOREIGN', { directory, what: `${file.microBatchCount} micro-batches` });
  return file;
}

export async function writePlanFile(directory: string, file: PlanFile): Promise<void> {
  await mkdir(directory, { recursive: true });
  await replaceFile(join(directory, fileName), JSON.stringify(file));
}

async function read(directory: string): Promise<PlanFile | undefined> {
  const text = await readFile(join(directory, fileName), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const file = JSON.parse(text) as PlanFile;
    if (file.version === 1) return file;
    throw new Error(`expected version 1, but got ${file.version}`);
  } catch (cause) {
    throw new AppError('CHECKPOINT_INVALID', { directory, problem: `${fileName}: ${(cause as Error).message}` });
  }
}
