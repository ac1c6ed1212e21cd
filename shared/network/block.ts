/**
 * Blocks: what Networks are made of, one row per kind. A new kind is one file and one row here.
 *
 * A block maps one or two tensors to one or two tensors: most read the last output of the block before and give one;
 * a NAS cell reads the outputs of the two blocks before and hands on [the block before, its own]. So every block edge
 * is a legal cut for pipeline parallelism.
 */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { type CellBlock, cellSchema, lowerCell } from './cell.js';
import { type CellPartBlock, cellPartSchema, lowerCellPart } from './cell-part.js';
import { type CellStemBlock, cellStemSchema, lowerCellStem } from './cell-stem.js';
import { type ConvBlock, convSchema, lowerConv } from './conv.js';
import { type HeadBlock, headSchema, lowerHead } from './head.js';
import { lowerMBConv, type MBConvBlock, mbconvSchema } from './mbconv.js';
import { lowerTree, type TreeBlock, treeSchema } from './tree.js';

/** What each kind of block says of itself, besides `kind` and `id`. */
export interface BlockBodies {
  conv: ConvBlock;
  mbconv: MBConvBlock;
  /** Hands its input on: ProxylessNAS's Zero under a shortcut. Legal where nothing changes, so it costs nothing. */
  identity: Record<never, never>;
  'cell-stem': CellStemBlock;
  cell: CellBlock;
  'cell-part': CellPartBlock;
  tree: TreeBlock;
  head: HeadBlock;
}

export type BlockKind = keyof BlockBodies;

/** A block of kind K without its name: what workloads are keyed by. */
export type BlockBody<K extends BlockKind = BlockKind> = { [P in K]: { readonly kind: P } & BlockBodies[P] }[K];

/** A block of a Network; `id` is unique in it and starts the names of its weights. */
export type Block<K extends BlockKind = BlockKind> = {
  [P in K]: { readonly kind: P; readonly id: string } & BlockBodies[P];
}[K];

interface Row<B> {
  readonly schema: z.ZodObject;
  /** Adds the block's nodes; `inputs` are the one or two outputs of the block before. */
  lower(builder: GraphBuilder, id: string, body: B, inputs: readonly TensorId[]): readonly TensorId[];
}

const rows: { readonly [K in BlockKind]: Row<BlockBodies[K]> } = {
  conv: { schema: convSchema, lower: (builder, id, body, inputs) => [lowerConv(builder, id, body, inputs.at(-1)!)] },
  mbconv: {
    schema: mbconvSchema,
    lower: (builder, id, body, inputs) => [lowerMBConv(builder, id, body, inputs.at(-1)!)],
  },
  identity: { schema: z.strictObject({}), lower: (_builder, _id, _body, inputs) => inputs },
  'cell-stem': {
    schema: cellStemSchema,
    lower: (builder, id, body, inputs) => lowerCellStem(builder, id, body, inputs.at(-1)!),
  },
  cell: { schema: cellSchema, lower: (builder, id, body, inputs) => lowerCell(builder, id, body, inputs) },
  'cell-part': {
    schema: cellPartSchema,
    lower: (builder, id, body, inputs) => [lowerCellPart(builder, id, body, inputs)],
  },
  tree: { schema: treeSchema, lower: (builder, id, body, inputs) => [lowerTree(builder, id, body, inputs.at(-1)!)] },
  head: { schema: headSchema, lower: (builder, id, body, inputs) => [lowerHead(builder, id, body, inputs.at(-1)!)] },
};

export const blockKinds = Object.keys(rows) as readonly BlockKind[];

/** Adds a block's nodes to a Graph and returns its outputs. Throws `GRAPH_ILLEGAL` where the input does not fit. */
export function lowerBlock(
  builder: GraphBuilder,
  id: string,
  body: BlockBody,
  inputs: readonly TensorId[],
): readonly TensorId[] {
  return (rows[body.kind] as Row<BlockBodies[BlockKind]>).lower(builder, id, body, inputs);
}

const blockId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,80}$/, 'expected 1 to 80 letters, digits, dots, dashes or underscores');

function union(extra: z.ZodRawShape) {
  return z.discriminatedUnion(
    'kind',
    blockKinds.map((kind) => rows[kind].schema.extend({ kind: z.literal(kind), ...extra })) as never,
  );
}

/** A block with its id, from JSON. */
export const blockSchema = union({ id: blockId }) as unknown as z.ZodType<Block>;
/** A block without id, from JSON. */
export const blockBodySchema = union({}) as unknown as z.ZodType<BlockBody>;

/** A block without its name. */
export function bodyOf(block: Block): BlockBody {
  const { id: _, ...body } = block;
  return body as BlockBody;
}
