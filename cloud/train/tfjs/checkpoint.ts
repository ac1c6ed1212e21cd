/**
 * Checkpoints: a manifest that names a state file. The rename of the manifest is the moment that counts, so a
 * process killed at any time leaves the last whole checkpoint.
 *
 *   write state-<n+1>.safetensors ─ sync ─▶ write manifest.json.new ─ sync ─▶ rename to manifest.json ─▶ remove other states
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { z } from 'zod';
import { replaceFile } from '../files.js';

const manifestSchema = z.strictObject({
  version: z.literal(1),
  /** What the state belongs to: a hash of everything that it depends on. */
  identity: z.string(),
  /** How many steps were done; 0 where the owner does not count. */
  step: z.number().int().min(0),
  generation: z.number().int().min(1),
});

export interface Checkpoint {
  readonly identity: string;
  readonly step: number;
  readonly state: Weights;
}

const manifestName = 'manifest.json';
const stateName = (generation: number) => `state-${generation}.safetensors`;

/** Puts a checkpoint into `directory` in place of the one that is there. */
export async function writeCheckpoint(directory: string, { identity, step, state }: Checkpoint): Promise<void> {
  const generation = existsSync(join(directory, manifestName)) ? (await readManifest(directory)).generation + 1 : 1;
  await replaceFile(join(directory, stateName(generation)), encodeSafetensors(state));
  await replaceFile(join(directory, manifestName), JSON.stringify({ version: 1, identity, step, generation }));
  const old = (await readdir(directory)).filter((name) => name.startsWith('state-') && name !== stateName(generation));
  await Promise.all(old.map((name) => rm(join(directory, name))));
}

/** The checkpoint in `directory`, or undefined where there is none. Throws `CHECKPOINT_INVALID`, `SAFETENSORS_INVALID`. */
export async function readCheckpoint(directory: string): Promise<Checkpoint | undefined> {
  if (!existsSync(join(directory, manifestName))) return undefined;
  const { identity, step, generation } = await readManifest(directory);
  const bytes = await readFile(join(directory, stateName(generation))).catch((cause: Error) =>
    invalid(directory, cause),
  );
  return { identity, step, state: decodeSafetensors(bytes).weights };
}

async function readManifest(directory: string): Promise<z.infer<typeof manifestSchema>> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(directory, manifestName), 'utf8')));
  } catch (cause) {
    return invalid(directory, cause as Error);
  }
}

function invalid(directory: string, cause: Error): never {
  throw new AppError('CHECKPOINT_INVALID', { directory, problem: cause.message }, { cause });
}
