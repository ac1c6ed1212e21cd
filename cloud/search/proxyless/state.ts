/**
 * SearchState: all that a ProxylessNAS search knows besides the supernet, as plain data, and its checkpoint on disk.
 *
 *   <directory>/search.json            state, and which folder holds the weights that belong to it
 *   <directory>/supernet-<step>/       written by the supernet
 *
 * The supernet is saved under a new name first; renaming search.json into place makes both current in one moment; only then is
 * the former supernet deleted. A kill at any moment leaves one whole pair.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Supernet } from '../../train/engine.js';
import { replaceFile } from '../../train/files.js';
import { type AdamState, adamState } from './adam.js';

export interface SearchState {
  /** Weight steps done. */
  step: number;
  /** Architecture parameters, [slot][candidate]. */
  alphas: number[][];
  /** How much of `alphas` is the latency term's doing: the sum of its moves. */
  latencyShifts: number[][];
  adam: AdamState[];
  /** Of the latency constraint (dual variable). */
  multiplier: number;
  /** Sums over the weight steps since the last point. */
  window: { loss: number; accuracy: number; count: number };
}

/** a ~ N(0, 1e-3), the reference's start. */
export function initialState(candidateCounts: readonly number[], seed: number): SearchState {
  const alphas = candidateCounts.map((count, slot) => {
    const stream = randomStream(seed, 'architecture', slot);
    return Array.from({ length: count }, () => 1e-3 * stream.normal());
  });
  const adam = candidateCounts.map(adamState);
  const latencyShifts = candidateCounts.map((count) => new Array<number>(count).fill(0));
  return { step: 0, alphas, latencyShifts, adam, multiplier: 0, window: { loss: 0, accuracy: 0, count: 0 } };
}

/** What the architecture parameters say of accuracy alone: without the latency term's moves, [slot][candidate]. */
export function preferences({ alphas, latencyShifts }: Pick<SearchState, 'alphas' | 'latencyShifts'>): number[][] {
  return alphas.map((slot, index) => slot.map((alpha, candidate) => alpha - latencyShifts[index]![candidate]!));
}

/** `problem` is the hash of everything that the search depends on; a checkpoint of another problem is refused. */
interface CheckpointFile {
  readonly version: 1;
  readonly problem: string;
  readonly supernet: string;
  readonly state: SearchState;
}

const fileName = 'search.json';

/** Writes state and supernet as one. */
export async function saveCheckpoint(
  directory: string,
  problem: string,
  state: SearchState,
  supernet: Supernet,
): Promise<void> {
  const folder = `supernet-${state.step}`;
  await mkdir(directory, { recursive: true });
  // A search killed between the two writes below finds this folder again when it has come back to the same step.
  await rm(join(directory, folder), { recursive: true, force: true });
  await supernet.save(join(directory, folder));
  const content: CheckpointFile = { version: 1, problem, supernet: folder, state };
  await replaceFile(join(directory, fileName), JSON.stringify(content));
  for (const name of await readdir(directory)) {
    if (name.startsWith('supernet-') && name !== folder)
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/**
 * Brings the supernet to the last checkpoint and returns its state; null where there is none.
 * Throws `SEARCH_CHECKPOINT_MISMATCH` where it was made for another problem.
 */
export async function restoreCheckpoint(
  directory: string,
  problem: string,
  supernet: Supernet,
): Promise<SearchState | null> {
  let text: string;
  try {
    text = await readFile(join(directory, fileName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const content = JSON.parse(text) as CheckpointFile;
  if (content.problem !== problem) {
    throw new AppError('SEARCH_CHECKPOINT_MISMATCH', { directory, expected: problem, got: content.problem });
  }
  await supernet.restore(join(directory, content.supernet));
  return content.state;
}
