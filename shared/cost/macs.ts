/**
 * Multiply-accumulates, by one rule: convolutions and dense layers only, bias and batch norm free.
 * It is the rule by which ProxylessNAS and EEEA-Net publish; FLOPs would be twice this.
 */
import { type Graph, tensorShapes } from '../graph/graph.js';
import type { OpAttributes, OpKind } from '../graph/op.js';
import { elementCount, type Shape } from '../graph/tensor.js';

type Row<A> = (attributes: A, input: Shape, output: Shape) => number;

const none = () => 0;

const rows: { readonly [K in OpKind]: Row<OpAttributes[K]> } = {
  conv2d: (a, x, y) => elementCount(y) * a.kernel[0] * a.kernel[1] * x[2]!,
  depthwiseConv2d: (a, _, y) => elementCount(y) * a.kernel[0] * a.kernel[1],
  dense: (a, x) => x[0]! * a.units,
  batchNorm: none,
  activation: none,
  add: none,
  scaleChannels: none,
  concat: none,
  maxPool: none,
  avgPool: none,
  globalAvgPool: none,
  slice: none,
  padChannels: none,
  shuffleChannels: none,
};

/** Multiply-accumulates of one sample. */
export function countMacs(graph: Graph): number {
  const shapes = tensorShapes(graph);
  return graph.nodes.reduce((sum, node) => {
    const row = rows[node.op] as Row<OpAttributes[OpKind]>;
    return sum + row(node.attributes, shapes.get(node.inputs[0]!)!, node.shape);
  }, 0);
}
