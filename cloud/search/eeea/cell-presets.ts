/**
 * Presets of cell spaces, and the settings by which people write their own. `paper` is what the paper's text says (arXiv 2108.06156 §3.1, §4.1),
 * `paper-code` the authors' last code, `published` what their published genotypes have; `cells` is sized for a search of an hour on two cores.
 */
import { cellOps } from '@bespoke/shared/network/cell-op.js';
import { channelCount } from '@bespoke/shared/network/conv.js';
import { z } from 'zod';
import type { DatasetShape } from '../presets.js';
import { type CellSpace, eeeaCodeOps, eeeaOps, openCellSpace } from './cell-space.js';

const cellCount = z.number().int().min(3).max(50);

const fullSchema = z.strictObject({
  ops: z
    .array(z.enum(cellOps))
    .min(2)
    .max(cellOps.length)
    .refine((ops) => new Set(ops).size === ops.length, 'expected each op once'),
  /** Steps of a cell; each adds the results of two ops. */
  steps: z.number().int().min(2).max(8),
  /** `skipping`: step i reads states 0 to i, as in the authors' code; `all`: every state before it. */
  reads: z.enum(['skipping', 'all']),
  /** A cell's output: the states that no step reads, or all. */
  concat: z.enum(['loose-ends', 'all']),
  /** Of the first cells of the network that is found. */
  channels: channelCount,
  /** Two of them are reduction cells. */
  cells: cellCount,
  /** The smaller network that is trained in its place during the search. */
  proxy: z.strictObject({ channels: channelCount, cells: cellCount }),
});

/** All that says what a cell space is, apart from the data set's shape. */
export type CellSettings = z.infer<typeof fullSchema>;

export const cellPresetNames = ['paper', 'paper-code', 'published', 'cells'] as const;
export type CellPresetName = (typeof cellPresetNames)[number];

const authors = { reads: 'skipping', concat: 'loose-ends', cells: 20 } as const;

export const cellPresets: { readonly [P in CellPresetName]: CellSettings } = {
  paper: { ...authors, ops: [...eeeaOps], steps: 4, channels: 32, proxy: { channels: 32, cells: 8 } },
  'paper-code': {
    ...authors,
    ops: [...eeeaCodeOps],
    concat: 'all',
    steps: 4,
    channels: 36,
    proxy: { channels: 16, cells: 8 },
  },
  published: { ...authors, ops: [...eeeaOps], steps: 5, channels: 36, proxy: { channels: 16, cells: 8 } },
  cells: {
    ops: [...eeeaOps],
    steps: 4,
    reads: 'all',
    concat: 'loose-ends',
    channels: 16,
    cells: 8,
    proxy: { channels: 8, cells: 5 },
  },
};

/** How a study's YAML says its cells: a preset and what differs from it. */
export const cellSettingsSchema = fullSchema.partial().extend({ preset: z.enum(cellPresetNames) });

/** A preset with every setting filled in. */
export function resolveCells(input: z.infer<typeof cellSettingsSchema>): { preset: CellPresetName } & CellSettings {
  return { ...cellPresets[input.preset], ...input };
}

/** The space of these settings for a data set's images and classes. */
export function openCells(
  { preset, channels, cells, proxy, ...rest }: ReturnType<typeof resolveCells>,
  { height, width, channels: imageChannels, classes }: DatasetShape,
): CellSpace {
  const input = { height, width, channels: imageChannels };
  return openCellSpace({
    name: preset,
    ...rest,
    input,
    classes: classes.length,
    size: { channels, cells },
    proxySize: proxy,
  });
}
