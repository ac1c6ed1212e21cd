/**
 * cell-part: one of the pieces that cells are made of, as a block of its own. Every genotype makes new cells, so a table of
 * whole cells would never be full; of their parts there are some dozens, and a cell's price is the sum of its parts'.
 */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { CellBuilder } from './cell-builder.js';
import { type CellOp, cellOps, lowerCellOp } from './cell-op.js';
import { channelCount } from './conv.js';

interface PartBodies {
  /** What brings a cell's input to its channels; `halves` brings it to half its size, too. */
  preprocess: { readonly channels: number; readonly halves: boolean };
  op: { readonly op: CellOp; readonly stride: 1 | 2 };
  /** The end of a step. */
  add: Record<never, never>;
  /** The end of a cell, of so many maps. */
  concat: { readonly count: number };
  squeezeExcite: Record<never, never>;
}

type PartKind = keyof PartBodies;
export type CellPart<K extends PartKind = PartKind> = { [P in K]: { readonly kind: P } & PartBodies[P] }[K];

export interface CellPartBlock {
  readonly part: CellPart;
}

interface Row<B> {
  readonly schema: z.ZodObject;
  /** Adds the part's nodes, named `name` or `<name>-…`. */
  lower(cell: CellBuilder, name: string, body: B, inputs: readonly TensorId[]): TensorId;
}

const rows: { readonly [K in PartKind]: Row<PartBodies[K]> } = {
  preprocess: {
    schema: z.strictObject({ kind: z.literal('preprocess'), channels: channelCount, halves: z.boolean() }),
    lower: (cell, name, { channels, halves }, [x]) =>
      halves ? cell.factorizedReduce(name, channels, x!) : cell.reluConvNorm(name, channels, x!),
  },
  op: {
    schema: z.strictObject({ kind: z.literal('op'), op: z.enum(cellOps), stride: z.literal([1, 2]) }),
    lower: (cell, name, { op, stride }, [x]) => lowerCellOp(cell, op, name, stride, x!),
  },
  add: {
    schema: z.strictObject({ kind: z.literal('add') }),
    lower: (cell, name, _, [a, b]) => cell.add(name, a!, b!),
  },
  concat: {
    schema: z.strictObject({ kind: z.literal('concat'), count: z.number().int().min(1).max(32) }),
    lower: (cell, name, _, maps) => cell.concat(name, maps),
  },
  squeezeExcite: {
    schema: z.strictObject({ kind: z.literal('squeezeExcite') }),
    lower: (cell, name, _, [x]) => cell.squeezeExcite(name, x!),
  },
};

export const cellPartSchema = z.strictObject({
  part: z.discriminatedUnion('kind', [
    rows.preprocess.schema,
    rows.op.schema,
    rows.add.schema,
    rows.concat.schema,
    rows.squeezeExcite.schema,
  ] as never),
});

/** Adds a part's nodes within a cell. Throws `GRAPH_ILLEGAL`. */
export function lowerPart(cell: CellBuilder, name: string, part: CellPart, inputs: readonly TensorId[]): TensorId {
  return (rows[part.kind] as Row<PartBodies[PartKind]>).lower(cell, name, part, inputs);
}

/** A part alone. A block has two inputs at most, so a concat of more maps takes them again: the copies are the same. */
export function lowerCellPart(
  builder: GraphBuilder,
  id: string,
  { part }: CellPartBlock,
  inputs: readonly TensorId[],
): TensorId {
  const maps =
    part.kind === 'concat' ? Array.from({ length: part.count }, (_, index) => inputs[index % inputs.length]!) : inputs;
  return lowerPart(new CellBuilder(builder, id), 'part', part, maps);
}
