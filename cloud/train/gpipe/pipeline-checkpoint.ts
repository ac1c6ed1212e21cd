/**
 * Pipeline checkpoints: a file per stage and a manifest with their hashes, in a folder of their own. The rename of the manifest makes the checkpoint, so that a process
 * killed at any moment leaves the last whole one. The last two stay.
 *
 *   checkpoint-<n+1>/stage-0.safetensors … ─ sync ─▶ manifest.json.new ─ sync ─▶ rename to manifest.json ─▶ remove all but two
 *
 * The files hold weights, statistics and optimizer state by names that no partition changes: joined, they are the state of the whole network, to be dealt out to any
 * other number of stages.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import type { Weights, WeightTensor } from '@bespoke/shared/graph/weights.js';
import { z } from 'zod';
import { replaceFile } from '../files.js';
import type { SavedFile } from './stage-messages.js';

const manifestSchema = z.strictObject({
  version: z.literal(1),
  /** What the state belongs to: a hash of everything that it depends on, but not of the partition. */
  identity: z.string(),
  step: z.number().int().min(0),
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^stage-\d+\.safetensors$/),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      byteCount: z.number().int().min(0),
    }),
  ),
});
type Manifest = z.infer<typeof manifestSchema>;

export interface PipelineCheckpoint {
  readonly identity: string;
  readonly step: number;
  /** Of the whole network. */
  readonly state: Weights;
  /** A sentence for each later checkpoint that is damaged and was passed over. */
  readonly skipped: readonly string[];
}

const keptCount = 2;
const manifestName = 'manifest.json';
const stageFile = (stage: number) => `stage-${stage}.safetensors`;

/** Writes a checkpoint into `directory`. `save` writes and flushes a file for each stage, as `Pipeline.save` does. */
export async function writePipelineCheckpoint(
  directory: string,
  { identity, step, stageCount }: { readonly identity: string; readonly step: number; readonly stageCount: number },
  save: (paths: readonly string[]) => Promise<readonly SavedFile[]>,
): Promise<void> {
  const known = await listCheckpoints(directory);
  const number = (known.at(-1) ?? 0) + 1;
  const folder = folderOf(directory, number);
  await mkdir(folder, { recursive: true });
  const names = Array.from({ length: stageCount }, (_, stage) => stageFile(stage));
  const saved = await save(names.map((name) => join(folder, name)));
  const files = saved.map(({ sha256, byteCount }, stage) => ({ name: names[stage]!, sha256, byteCount }));
  const manifest: Manifest = { version: 1, identity, step, files };
  await replaceFile(join(folder, manifestName), JSON.stringify(manifest));
  await removeOld(directory, [...known, number]);
}

/** The last checkpoint that is whole; undefined where there never was one. Throws `CHECKPOINT_INVALID` where all are damaged. */
export async function readPipelineCheckpoint(directory: string): Promise<PipelineCheckpoint | undefined> {
  const skipped: string[] = [];
  for (const number of (await listCheckpoints(directory)).reverse()) {
    const folder = folderOf(directory, number);
    if (!(await hasManifest(folder))) continue; // its writer was killed before it was one
    try {
      const { identity, step, files } = await readManifest(folder);
      return { identity, step, state: await joinFiles(folder, files), skipped };
    } catch (error) {
      skipped.push(`${(error as Error).message}; it was passed over for the one before`);
    }
  }
  if (skipped.length === 0) return undefined;
  throw new AppError('CHECKPOINT_INVALID', { directory, problem: `all are damaged: ${skipped.join('; ')}` });
}

/** Writes the state as a file for each stage into `directory`, for stages that start from it: `stageOf` says whose a name is. Returns their paths. */
export async function dealState(
  directory: string,
  state: Weights,
  stageCount: number,
  stageOf: (name: string) => number,
): Promise<readonly string[]> {
  const parts = Array.from({ length: stageCount }, () => new Map<string, WeightTensor>());
  for (const [name, tensor] of state) parts[stageOf(name)]!.set(name, tensor);
  await mkdir(directory, { recursive: true });
  const paths = parts.map((_, stage) => join(directory, stageFile(stage)));
  await Promise.all(parts.map((part, stage) => writeFile(paths[stage]!, encodeSafetensors(part))));
  return paths;
}

const folderOf = (directory: string, number: number) => join(directory, `checkpoint-${number}`);

/** Oldest first, with those that have no manifest yet. */
async function listCheckpoints(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name) => name.match(/^checkpoint-(\d+)$/)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function hasManifest(folder: string): Promise<boolean> {
  return (await readdir(folder)).includes(manifestName);
}

/** What has no manifest does not count among the kept: its writer was killed. */
async function removeOld(directory: string, numbers: readonly number[]): Promise<void> {
  const folders = numbers.map((number) => folderOf(directory, number));
  const areWhole = await Promise.all(folders.map(hasManifest));
  const kept = new Set(folders.filter((_, index) => areWhole[index]).slice(-keptCount));
  const old = folders.filter((folder) => !kept.has(folder));
  await Promise.all(old.map((folder) => rm(folder, { recursive: true })));
}

async function readManifest(folder: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(folder, manifestName), 'utf8')));
  } catch (cause) {
    return invalid(folder, `its manifest cannot be read: ${(cause as Error).message}`);
  }
}

async function joinFiles(folder: string, files: Manifest['files']): Promise<Weights> {
  const state = new Map<string, WeightTensor>();
  for (const { name, sha256 } of files) {
    const bytes = await readFile(join(folder, name)).catch((cause: Error) => invalid(folder, cause.message));
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== sha256) invalid(folder, `${name} should have the hash ${sha256}, but has ${got}`);
    for (const [weight, tensor] of decodeSafetensors(bytes).weights) {
      if (state.has(weight)) invalid(folder, `${weight} is in two files`);
      state.set(weight, tensor);
    }
  }
  return state;
}

function invalid(directory: string, problem: string): never {
  throw new AppError('CHECKPOINT_INVALID', { directory, problem });
}
