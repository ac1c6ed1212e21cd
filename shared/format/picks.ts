/**
 * Picks: where cells halve a map, a 1x1 convolution reads every other pixel of the map shifted by one. A slice shifts it, which the XNNPACK delegate of TensorFlow Lite 2.9 leaves to a
 * built-in kernel: the map is copied on one thread, and the delegate's part is cut in two. A depthwise convolution that picks these pixels out does the same, is taken, and writes a quarter:
 *
 *   x ─ slice [1.., 1..] ─ 1x1, stride 2    ─▶    x ─ depthwise 2x2, stride 2 ─ 1x1        filter  0 0
 *                                                                                                  0 1
 */
import type { WeightedGraph } from '../graph/fold.js';
import { type Graph, type Node, type TensorId, tensorShapes } from '../graph/graph.js';
import { rewrite } from '../graph/rewrite.js';
import type { Shape } from '../graph/tensor.js';
import type { WeightTensor } from '../graph/weights.js';

/** The same values for finite maps; the pick keeps the slice's id. */
export function slicesToPicks({ graph, weights }: WeightedGraph): WeightedGraph {
  const slices = pickable(graph);
  if (slices.size === 0) return { graph, weights };
  const result = new Map<string, WeightTensor>(weights);
  const rewritten = rewrite(graph, (builder, node, inputs) => {
    if (slices.has(node.id)) {
      const channels = node.shape[2]!;
      result.set(`${node.id}/filter`, { shape: [2, 2, channels, 1], values: lastTap(channels) });
      const attributes = { kernel: [2, 2], stride: [2, 2], dilation: 1, bias: false, fused: 'none' } as const;
      return builder.addNode(node.id, 'depthwiseConv2d', attributes, inputs);
    }
    const isReader = node.op === 'conv2d' && slices.has(node.inputs[0]!);
    const attributes = isReader ? { ...node.attributes, stride: [1, 1] } : node.attributes;
    return builder.addNode(node.id, node.op, attributes as never, inputs);
  });
  return { graph: rewritten, weights: result };
}

/** Slices that shift a map of even size by one pixel along both sides, for 1x1 convolutions with stride 2 alone. */
function pickable(graph: Graph): ReadonlySet<TensorId> {
  const shapes = tensorShapes(graph);
  const outputs = new Set(graph.outputs);
  const readers = new Map<TensorId, Node[]>();
  for (const node of graph.nodes) for (const id of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node]);
  const isPick = (node: Node) =>
    node.op === 'slice' &&
    isShift(node.attributes, shapes.get(node.inputs[0]!)!) &&
    !outputs.has(node.id) &&
    (readers.get(node.id) ?? []).every(halves);
  return new Set(graph.nodes.filter(isPick).map(({ id }) => id));
}

function isShift({ begin, size }: Node<'slice'>['attributes'], [height, width, channels]: Shape): boolean {
  const isEven = height! % 2 === 0 && width! % 2 === 0;
  return isEven && begin.join() === '1,1,0' && size.join() === [height! - 1, width! - 1, channels!].join();
}

function halves(node: Node): boolean {
  if (node.op !== 'conv2d') return false;
  const { kernel, stride } = node.attributes;
  return kernel.join() === '1,1' && stride.join() === '2,2';
}

/** Of 2x2 filters, one per channel, those that give the last pixel of their window. */
function lastTap(channels: number): Float32Array {
  return new Float32Array(4 * channels).fill(1, 3 * channels);
}
