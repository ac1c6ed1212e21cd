/**
 * tree: the PyramidNet bottleneck around a tree-structured cell that ProxylessNAS searched for CIFAR-10 (proxyless-cifar). With b = outChannels / 4:
 *
 *   x ─ BN ─ 1x1 (b) ─ BN ─ ReLU ─ 3x3 in two groups (2b) ─ shuffle ─ split ┬ h0 ─ tree ─ BN ─ + h0 ┐
 *   │                                                                       └ h1 ─ tree ─ BN ─ + h1 ┴ add ─ BN ─ ReLU ─ 1x1 (4b) ─ BN ─ add ─▶
 *   └─ average pool where the stride is 2 ─ zeros behind the last channel ──────────────────────────────────────────────────────────────┘
 *
 * A tree of depth 2 is op 0 and op 1 of the half, each followed by two ops that read it; siblings are added:
 * edges [0, 1] level 2, [2, 3] after 0, [4, 5] after 1. The cell has 12 edges, 6 for each half.
 */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { CellBuilder } from './cell-builder.js';

export const treeOps = ['dwsep3', 'dwsep5', 'dwsep7', 'dil3', 'identity', 'avgpool', 'maxpool'] as const;
export type TreeOp = (typeof treeOps)[number];

export interface TreeBlock {
  /** A multiple of 8. */
  readonly outChannels: number;
  readonly stride: number;
  /** 12 ops: 6 for each half. */
  readonly ops: readonly TreeOp[];
}

const edgesPerHalf = 6;

export const treeSchema = z.strictObject({
  outChannels: z.number().int().min(8).max(8192).multipleOf(8),
  stride: z.number().int().min(1).max(2),
  ops: z.array(z.enum(treeOps)).length(2 * edgesPerHalf),
});

type Row = (cell: CellBuilder, name: string, x: TensorId) => TensorId;

const rows: { readonly [O in TreeOp]: Row } = {
  dwsep3: depthwiseSeparable(3, 1),
  dwsep5: depthwiseSeparable(5, 1),
  dwsep7: depthwiseSeparable(7, 1),
  dil3: depthwiseSeparable(3, 2),
  identity: (_cell, _name, x) => x,
  avgpool: (cell, name, x) => cell.pool('avgPool', name, 3, 1, x),
  maxpool: (cell, name, x) => cell.pool('maxPool', name, 3, 1, x),
};

/** x [H, W, C <= outChannels] -> [ceil(H/s), ceil(W/s), outChannels] */
export function lowerTree(builder: GraphBuilder, id: string, block: TreeBlock, x: TensorId): TensorId {
  const cell = new CellBuilder(builder, id);
  const { outChannels, stride, ops } = block;
  const width = outChannels / 4;
  const entered = cell.pointwise('enter', width, cell.norm('enter-norm', x));
  const root = groupedConv(cell, width, stride, cell.relu('root-relu', cell.norm('root-norm', entered)));
  const [h0, h1] = [0, 1].map((half) => {
    const own = cell.sliceChannels(`half${half}`, half * width, width, root);
    const grown = lowerHalf(cell, `half${half}`, ops.slice(half * edgesPerHalf, (half + 1) * edgesPerHalf), own);
    return cell.add(`half${half}-residual`, cell.norm(`half${half}-norm`, grown), own);
  });
  const merged = cell.add('merge', h0!, h1!);
  const left = cell.pointwise('leave', outChannels, cell.relu('leave-relu', cell.norm('leave-norm', merged)));
  return cell.add('residual', cell.norm('final-norm', left), lowerShortcut(builder, cell, id, block, x));
}

/** 3x3 convolution in two groups to twice the channels, then the channel shuffle. */
function groupedConv(cell: CellBuilder, width: number, stride: number, x: TensorId): TensorId {
  const groups = [0, 1].map((group) => {
    const half = cell.sliceChannels(`root-slice${group}`, (group * width) / 2, width / 2, x);
    return cell.conv(`root-conv${group}`, width, [3, 3], [stride, stride], half);
  });
  return cell.shuffle('root-shuffle', 2, cell.concat('root-concat', groups));
}

function lowerHalf(cell: CellBuilder, name: string, ops: readonly TreeOp[], x: TensorId): TensorId {
  const edge = (index: number, input: TensorId) => rows[ops[index]!](cell, `${name}-${index}`, input);
  const [left, right] = [0, 1].map((index) => {
    const own = edge(index, x);
    return cell.add(`${name}-${index}-add`, edge(2 + 2 * index, own), edge(3 + 2 * index, own));
  });
  return cell.add(`${name}-add`, left!, right!);
}

function lowerShortcut(builder: GraphBuilder, cell: CellBuilder, id: string, block: TreeBlock, x: TensorId): TensorId {
  const y = block.stride === 1 ? x : cell.pool('avgPool', 'shortcut-pool', block.stride, block.stride, x);
  const missing = block.outChannels - cell.channels(x);
  return missing <= 0 ? y : builder.add(id, 'shortcut-pad', 'padChannels', { after: missing }, y);
}

/** BN, ReLU, depthwise, pointwise. */
function depthwiseSeparable(kernelSize: number, dilation: number): Row {
  return (cell, name, x) => {
    const active = cell.relu(`${name}-relu`, cell.norm(`${name}-norm`, x));
    const depthwise = cell.depthwise(`${name}-depthwise`, kernelSize, 1, dilation, active);
    return cell.pointwise(`${name}-pointwise`, cell.channels(x), depthwise);
  };
}
