/**
 * Genotype: a normal and a reduction cell, as the NASNet family writes them down; and the networks that are stacked from the two.
 *
 *   cifar:    cell-stem (3 x C) ─ cells ─ head               C doubles at each of the two reduction cells,
 *   imagenet: cell-stem (two maps, /4 and /8) ─ cells ─ head  which stand after one and after two thirds of the cells
 */
import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { formatPath } from '../graph/graph.js';
import type { Block } from './block.js';
import { type CellPair, cellConcat, cellPairs, findCellProblem } from './cell.js';
import type { Network } from './network.js';

export interface Genotype {
  /** Two (op, state) pairs per step; states 0 and 1 are the two cells before, step i makes state i + 2. */
  readonly normal: readonly CellPair[];
  readonly normalConcat: readonly number[];
  readonly reduce: readonly CellPair[];
  readonly reduceConcat: readonly number[];
}

const genotypeSchema = z.strictObject({
  normal: cellPairs,
  normalConcat: cellConcat,
  reduce: cellPairs,
  reduceConcat: cellConcat,
});

/** Reads a Genotype from untrusted JSON. Throws `NETWORK_ILLEGAL` with the path of the bad field. */
export function parseGenotype(json: unknown): Genotype {
  const result = genotypeSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new AppError('NETWORK_ILLEGAL', { path: formatPath(issue.path), problem: issue.message });
  }
  const genotype = result.data;
  for (const cell of ['normal', 'reduce'] as const) {
    const found = findCellProblem(genotype[cell], genotype[`${cell}Concat`]);
    if (!found) continue;
    const field = found.field === 'pairs' ? cell : `${cell}Concat`;
    throw new AppError('NETWORK_ILLEGAL', { path: formatPath([field, ...found.path]), problem: found.problem });
  }
  return genotype;
}

export interface CellNetworkSettings {
  readonly name: string;
  readonly skeleton: 'cifar' | 'imagenet';
  readonly classes: number;
  /** C, the channels of the states of the first cells. */
  readonly channels: number;
  readonly cells: number;
  /** Height and width of the input, in pixels. */
  readonly resolution: number;
  /** Squeeze-and-excitation behind every cell. */
  readonly squeezeExcite: boolean;
}

/** How many times the channels of the CIFAR skeleton's stem are those of its first cells. */
const cifarStemMultiplier = 3;

/** The network stacked from a genotype's cells. */
export function networkOfGenotype(genotype: Genotype, settings: CellNetworkSettings): Network {
  const { name, skeleton, classes, cells, resolution, squeezeExcite } = settings;
  const downsample = skeleton === 'imagenet';
  const stem: Block = {
    kind: 'cell-stem',
    id: 'stem',
    outChannels: settings.channels * (downsample ? 1 : cifarStemMultiplier),
    downsample,
  };
  const reductions = [Math.floor(cells / 3), Math.floor((2 * cells) / 3)];
  let channels = settings.channels;
  const body = Array.from({ length: cells }, (_, index): Block => {
    const reduction = reductions.includes(index);
    if (reduction) channels *= 2;
    const [pairs, concat] = reduction
      ? [genotype.reduce, genotype.reduceConcat]
      : [genotype.normal, genotype.normalConcat];
    return { kind: 'cell', id: `cell${index}`, channels, reduction, pairs, concat, squeezeExcite };
  });
  return {
    version: 1,
    name,
    input: { height: resolution, width: resolution, channels: 3 },
    blocks: [stem, ...body, { kind: 'head', id: 'head', classes }],
  };
}
