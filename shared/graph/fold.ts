/**
 * fold: a training Graph and its weights become the inference Graph that is exported and measured.
 *
 *   conv ─ batchNorm ─ relu   ─▶   conv with bias, fused relu      (each only where it is the sole reader of the other)
 *   add ─ batchNorm           ─▶   add ─ 1x1 depthwise convolution with bias
 *
 * The first keeps the producer's id; what stays of a batchNorm keeps the batchNorm's.
 */
import type { Graph, GraphBuilder, Node, TensorId } from './graph.js';
import type { FusedActivation, OpAttributes, OpKind } from './op.js';
import { rewrite } from './rewrite.js';
import { elementCount } from './tensor.js';
import { verifyInference } from './verify.js';
import { verifyWeights, type Weights, type WeightTensor } from './weights.js';

export interface WeightedGraph {
  readonly graph: Graph;
  readonly weights: Weights;
}

/** The inference form: same inputs, outputs of the same shape and (to rounding) values. Throws `WEIGHTS_MISMATCH`. */
export function fold(graph: Graph, weights: Weights): WeightedGraph {
  verifyWeights(graph, weights);
  const folded = foldBatchNorm(graph, weights);
  verifyInference(folded.graph);
  const fused = fuseActivations(folded.graph);
  verifyInference(fused);
  return { graph: fused, weights: folded.weights };
}

/** Ops that hold a filter whose last varying axis is the output channel: those that can take a batch norm in. */
type FilterOp = 'conv2d' | 'depthwiseConv2d' | 'dense';
const filterOps: ReadonlySet<OpKind> = new Set<FilterOp>(['conv2d', 'depthwiseConv2d', 'dense']);
/** Ops that can apply a fused activation to their output. */
type FusingOp = FilterOp | 'add';
const fusingOps: ReadonlySet<OpKind> = new Set<FusingOp>(['conv2d', 'depthwiseConv2d', 'dense', 'add']);

function foldBatchNorm(graph: Graph, weights: Weights): WeightedGraph {
  const result = new Map<string, WeightTensor>(weights);
  const taken = absorptions(graph, filterOps, (node) => node.op === 'batchNorm');
  const rewritten = rewrite(graph, (builder, node, inputs) => {
    if (taken.absorbed.has(node.id)) return inputs[0]!;
    const norm = taken.absorberOf.get(node.id);
    if (norm) return absorbNorm(builder, node as Node<FilterOp>, inputs, norm as Node<'batchNorm'>, result);
    if (node.op === 'batchNorm') return replaceNorm(builder, node, inputs, result);
    return builder.addNode(node.id, node.op, node.attributes as never, inputs);
  });
  return { graph: rewritten, weights: result };
}

function fuseActivations(graph: Graph): Graph {
  const fusible = (node: Node) =>
    node.op === 'activation' && (node.attributes.kind === 'relu' || node.attributes.kind === 'relu6');
  const taken = absorptions(graph, fusingOps, fusible);
  return rewrite(graph, (builder, node, inputs) => {
    if (taken.absorbed.has(node.id)) return inputs[0]!;
    const activation = taken.absorberOf.get(node.id) as Node<'activation'> | undefined;
    const attributes = activation
      ? { ...node.attributes, fused: activation.attributes.kind as FusedActivation }
      : node.attributes;
    return builder.addNode(node.id, node.op, attributes as never, inputs);
  });
}

/** Which nodes vanish into their producer: those that `isTaken`, whose producer is one of `into`, has no fused activation and no other reader. */
function absorptions(graph: Graph, into: ReadonlySet<OpKind>, isTaken: (node: Node) => boolean) {
  const readers = new Map<TensorId, number>();
  for (const id of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs])
    readers.set(id, (readers.get(id) ?? 0) + 1);
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const absorbed = new Set<TensorId>();
  const absorberOf = new Map<TensorId, Node>();
  for (const node of graph.nodes) {
    const producer = nodes.get(node.inputs[0]!);
    if (!producer || !isTaken(node) || !into.has(producer.op) || readers.get(producer.id) !== 1) continue;
    if ((producer as Node<FusingOp>).attributes.fused !== 'none') continue;
    absorbed.add(node.id);
    absorberOf.set(producer.id, node);
  }
  return { absorbed, absorberOf };
}

/** filter' = filter * factor and bias' = (bias - mean) * factor + shift, per output channel. */
function absorbNorm(
  builder: GraphBuilder,
  node: Node<FilterOp>,
  inputs: readonly TensorId[],
  norm: Node<'batchNorm'>,
  weights: Map<string, WeightTensor>,
) {
  const { factor, offset } = takeNorm(norm, weights);
  const channels = factor.length;
  const filter = weights.get(`${node.id}/filter`)!;
  const bias = weights.get(`${node.id}/bias`)?.values;
  weights.set(`${node.id}/filter`, {
    shape: filter.shape,
    values: filter.values.map((value, index) => value * factor[index % channels]!),
  });
  const values = Float32Array.from(offset, (value, channel) => value + (bias?.[channel] ?? 0) * factor[channel]!);
  weights.set(`${node.id}/bias`, { shape: [channels], values });
  return builder.addNode(node.id, node.op, { ...node.attributes, bias: true } as never, inputs);
}

/** A batchNorm that no filter can take in: one multiply-add per channel, as a 1x1 depthwise convolution; for a vector, as a diagonal dense layer. */
function replaceNorm(
  builder: GraphBuilder,
  norm: Node<'batchNorm'>,
  inputs: readonly TensorId[],
  weights: Map<string, WeightTensor>,
): TensorId {
  const { factor, offset } = takeNorm(norm, weights);
  const channels = factor.length;
  weights.set(`${norm.id}/bias`, { shape: [channels], values: Float32Array.from(offset) });
  if (norm.shape.length === 3) {
    weights.set(`${norm.id}/filter`, { shape: [1, 1, channels, 1], values: Float32Array.from(factor) });
    const attributes: OpAttributes['depthwiseConv2d'] = {
      kernel: [1, 1],
      stride: [1, 1],
      dilation: 1,
      bias: true,
      fused: 'none',
    };
    return builder.addNode(norm.id, 'depthwiseConv2d', attributes, inputs);
  }
  const diagonal = new Float32Array(elementCount([channels, channels]));
  factor.forEach((value, channel) => {
    diagonal[channel * channels + channel] = value;
  });
  weights.set(`${norm.id}/filter`, { shape: [channels, channels], values: diagonal });
  return builder.addNode(norm.id, 'dense', { units: channels, bias: true, fused: 'none' }, inputs);
}

/** y = x * factor + offset, in float64; removes the norm's weights. */
function takeNorm(norm: Node<'batchNorm'>, weights: Map<string, WeightTensor>): { factor: number[]; offset: number[] } {
  const take = (name: string) => {
    const { values } = weights.get(`${norm.id}/${name}`)!;
    weights.delete(`${norm.id}/${name}`);
    return values;
  };
  const [scale, shift, mean, variance] = [take('scale'), take('shift'), take('mean'), take('variance')];
  const factor = Array.from(scale, (value, channel) => value / Math.sqrt(variance[channel]! + norm.attributes.epsilon));
  return { factor, offset: factor.map((value, channel) => shift[channel]! - mean[channel]! * value) };
}
