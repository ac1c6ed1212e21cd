/** latencyGrid: which row and column each block's latency stands in, op by shape, and which places nobody has measured. */
import { formatShape, type Shape } from '@bespoke/shared/graph/tensor.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { BlockBody, BlockKind } from '@bespoke/shared/network/block.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import { blockLabel } from '../format.js';

export interface GridPlace {
  /** Indices into the grid's blocks and shapes. */
  readonly block: number;
  readonly shape: number;
}

export interface GridCell extends GridPlace {
  readonly latency: LatencyView;
}

/** Rows and columns of the picture, and what was measured where. */
export interface LatencyGrid {
  /** `conv k3`, `k3 e3`, …: kind by kind, then by kernel and expansion. */
  readonly blocks: readonly string[];
  /** `32×32×16→24 /2`: kind by kind, then large maps first. */
  readonly shapes: readonly string[];
  readonly cells: readonly GridCell[];
  /** Places without a latency, where another op of the same kind has one. */
  readonly gaps: readonly GridPlace[];
}

interface Label {
  readonly label: string;
  /** Compared number by number. */
  readonly order: readonly number[];
}

interface Stand {
  readonly kind: BlockKind;
  readonly block: Label;
  readonly shape: Label;
}

/** Where a kind stands among the rows, and what it makes of its input; null: too many of it differ for a row each, so they are in the table only. */
type Placer<K extends BlockKind> =
  | ((body: BlockBody<K>) => { readonly order: readonly number[]; readonly to: number; readonly stride: number })
  | null;

const placers: { readonly [K in BlockKind]: Placer<K> } = {
  conv: ({ kernelSize, outChannels, stride }) => ({ order: [0, kernelSize], to: outChannels, stride }),
  mbconv: ({ kernelSize, expandRatio, outChannels, stride }) => ({
    order: [1, kernelSize, expandRatio],
    to: outChannels,
    stride,
  }),
  'cell-stem': ({ outChannels, downsample }) => ({ order: [2], to: outChannels, stride: downsample ? 2 : 1 }),
  head: ({ classes }) => ({ order: [3], to: classes, stride: 1 }),
  identity: null,
  cell: null,
  'cell-part': null,
  tree: null,
};

function standOf(workload: Workload): Stand | null {
  if (workload.kind !== 'block') return null;
  const { body } = workload;
  const place = (placers[body.kind] as Placer<BlockKind>)?.(body);
  if (!place) return null;
  const input: Shape = workload.inputShapes.at(-1)!;
  const { order, to, stride } = place;
  return {
    kind: body.kind,
    block: { label: blockLabel(body), order },
    shape: {
      label: `${formatShape(input).replaceAll('x', '×')}→${to}${stride === 1 ? '' : ` /${stride}`}`,
      order: [order[0]!, -(input[0] ?? 0), -(input[1] ?? 0), input[2] ?? 0, to, -stride],
    },
  };
}

/** Places the latencies of blocks; given those of two tables, both stand on the same rows and columns. */
export function latencyGrid(latencies: readonly LatencyView[]): LatencyGrid {
  const placed = latencies.flatMap((latency) => {
    const stand = standOf(latency.workload);
    return stand ? [{ latency, ...stand }] : [];
  });
  const blocks = sortedLabels(placed.map(({ block }) => block));
  const shapes = sortedLabels(placed.map(({ shape }) => shape));
  const blockAt = new Map(blocks.map((label, index) => [label, index]));
  const shapeAt = new Map(shapes.map((label, index) => [label, index]));
  const cells = placed.map(({ latency, kind, block, shape }) => ({
    latency,
    kind,
    block: blockAt.get(block.label)!,
    shape: shapeAt.get(shape.label)!,
  }));
  return { blocks, shapes, cells, gaps: gapsOf(cells) };
}

function gapsOf(cells: readonly (GridPlace & { readonly kind: BlockKind })[]): GridPlace[] {
  const taken = new Set(cells.map(({ block, shape }) => `${block} ${shape}`));
  const gaps: GridPlace[] = [];
  for (const kind of new Set(cells.map((cell) => cell.kind))) {
    const ofKind = cells.filter((cell) => cell.kind === kind);
    for (const block of new Set(ofKind.map((cell) => cell.block)))
      for (const shape of new Set(ofKind.map((cell) => cell.shape)))
        if (!taken.has(`${block} ${shape}`)) gaps.push({ block, shape });
  }
  return gaps;
}

/** Distinct labels in their order. */
function sortedLabels(entries: readonly Label[]): string[] {
  const byLabel = new Map(entries.map((entry) => [entry.label, entry.order]));
  const compare = (a: readonly number[], b: readonly number[]) =>
    a.map((value, index) => value - (b[index] ?? 0)).find((d) => d !== 0) ?? 0;
  return [...byLabel].sort((a, b) => compare(a[1], b[1]) || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
}
