/** The ops of a NASNet-style cell, one row each (EEEA-Net's table; sep_conv_7x7 and conv_7x1_1x7 are NSGA-Net's). All keep the channels. */
import type { TensorId } from '../graph/graph.js';
import type { CellBuilder } from './cell-builder.js';

export const cellOps = [
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'sep_conv_7x7',
  'dil_conv_3x3',
  'dil_conv_5x5',
  'inv_res_3x3',
  'inv_res_5x5',
  'conv_7x1_1x7',
] as const;
export type CellOp = (typeof cellOps)[number];

type Row = (cell: CellBuilder, name: string, stride: number, x: TensorId) => TensorId;

const rows: { readonly [O in CellOp]: Row } = {
  max_pool_3x3: (cell, name, stride, x) => cell.pool('maxPool', name, 3, stride, x),
  avg_pool_3x3: (cell, name, stride, x) => cell.pool('avgPool', name, 3, stride, x),
  skip_connect: (cell, name, stride, x) => (stride === 1 ? x : cell.factorizedReduce(name, cell.channels(x), x)),
  sep_conv_3x3: separable(3),
  sep_conv_5x5: separable(5),
  sep_conv_7x7: separable(7),
  dil_conv_3x3: dilated(3),
  dil_conv_5x5: dilated(5),
  inv_res_3x3: invertedResidual(3),
  inv_res_5x5: invertedResidual(5),
  conv_7x1_1x7: (cell, name, stride, x) => {
    const channels = cell.channels(x);
    const row = cell.conv(`${name}-1x7`, channels, [1, 7], [1, stride], cell.relu(`${name}-relu`, x));
    return cell.norm(`${name}-norm`, cell.conv(`${name}-7x1`, channels, [7, 1], [stride, 1], row));
  },
};

/** Adds the op's nodes, named `<name>-...`: x [H, W, C] -> [H/stride, W/stride, C]. */
export function lowerCellOp(cell: CellBuilder, op: CellOp, name: string, stride: number, x: TensorId): TensorId {
  return rows[op](cell, name, stride, x);
}

/** Twice ReLU, depthwise, pointwise, BN; the first has the stride. */
function separable(kernelSize: number): Row {
  return (cell, name, stride, x) =>
    depthwiseSeparable(
      cell,
      `${name}-2`,
      kernelSize,
      1,
      1,
      depthwiseSeparable(cell, `${name}-1`, kernelSize, stride, 1, x),
    );
}

/** ReLU, depthwise with dilation 2, pointwise, BN. */
function dilated(kernelSize: number): Row {
  return (cell, name, stride, x) => depthwiseSeparable(cell, name, kernelSize, stride, 2, x);
}

function depthwiseSeparable(
  cell: CellBuilder,
  name: string,
  kernelSize: number,
  stride: number,
  dilation: number,
  x: TensorId,
): TensorId {
  const depthwise = cell.depthwise(`${name}-depthwise`, kernelSize, stride, dilation, cell.relu(`${name}-relu`, x));
  return cell.norm(`${name}-norm`, cell.pointwise(`${name}-pointwise`, cell.channels(x), depthwise));
}

/** [ReLU, pointwise, BN], [ReLU, depthwise, BN], [pointwise, BN], + x at stride 1. The paper draws an expansion; the authors' code has ratio 1. */
function invertedResidual(kernelSize: number): Row {
  return (cell, name, stride, x) => {
    const channels = cell.channels(x);
    const expanded = cell.reluConvNorm(`${name}-expand`, channels, x);
    const depthwise = cell.depthwise(`${name}-depthwise`, kernelSize, stride, 1, cell.relu(`${name}-relu`, expanded));
    const projected = cell.pointwise(`${name}-project`, channels, cell.norm(`${name}-depthwise-norm`, depthwise));
    const y = cell.norm(`${name}-project-norm`, projected);
    return stride === 1 ? cell.add(`${name}-residual`, x, y) : y;
  };
}
