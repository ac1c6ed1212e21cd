/**
 * TensorFlow Lite: one table, op -> operators of the format.
 *
 * Written so that the XNNPACK delegate takes what it can: convolutions and dense layers always have a bias, means keep
 * their axes. That of TensorFlow Lite 2.9 leaves concat, slice, the transposition in shuffleChannels and pools of 1x1 to
 * the built-in kernels; newer ones take some of these. Feature maps are [batch, H, W, C], vectors [batch, C].
 */
import type { Graph, Node, TensorId } from '../graph/graph.js';
import type { ActivationKind, OpAttributes, OpKind } from '../graph/op.js';
import { elementCount, type Shape } from '../graph/tensor.js';
import { verifyInference } from '../graph/verify.js';
import { verifyWeights, type Weights } from '../graph/weights.js';
import { delegateOrder } from './delegate-order.js';
import { BuiltinOperator } from './generated/builtin-operator.js';
import { slicesToPicks } from './picks.js';
import { type TensorIndex, TfliteModel } from './tflite-model.js';
import {
  addOptions,
  concatOptions,
  convOptions,
  denseOptions,
  depthwiseOptions,
  meanOptions,
  mulOptions,
  poolOptions,
  reshapeOptions,
} from './tflite-options.js';

/** All that an inference Graph may hold. */
type InferenceOp = Exclude<OpKind, 'batchNorm'>;

/** What a row may use to write its node. */
interface Site {
  readonly model: TfliteModel;
  readonly batch: number;
  /** The node's id; names of its constants start with it. */
  readonly name: string;
  readonly inputs: readonly TensorIndex[];
  /** Shapes of the inputs and the output for one sample. */
  readonly inputShapes: readonly Shape[];
  readonly shape: Shape;
  readonly output: TensorIndex;
  /** Values of one of the node's weights, undefined where it has none of that name. */
  weight(name: string): Float32Array | undefined;
}

type Row<A> = (attributes: A, site: Site) => void;

const rows: { readonly [K in InferenceOp]: Row<OpAttributes[K]> } = {
  conv2d: (a, site) => {
    const shape = [a.filters, ...a.kernel, site.inputShapes[0]![2]!];
    const filter = transpose(site.weight('filter')!, elementCount(shape.slice(1)), a.filters);
    const inputs = [site.inputs[0]!, constant(site, 'filter', shape, filter), bias(site, a.filters)];
    site.model.operator(BuiltinOperator.CONV_2D, inputs, site.output, convOptions(a));
  },
  depthwiseConv2d: (a, site) => {
    const channels = site.shape[2]!;
    const filter = constant(site, 'filter', [1, ...a.kernel, channels], site.weight('filter')!);
    const inputs = [site.inputs[0]!, filter, bias(site, channels)];
    const version = a.dilation === 1 ? 1 : 2;
    site.model.operator(BuiltinOperator.DEPTHWISE_CONV_2D, inputs, site.output, depthwiseOptions(a), version);
  },
  dense: (a, site) => {
    const inChannels = site.inputShapes[0]![0]!;
    const filter = transpose(site.weight('filter')!, inChannels, a.units);
    const inputs = [site.inputs[0]!, constant(site, 'filter', [a.units, inChannels], filter), bias(site, a.units)];
    site.model.operator(BuiltinOperator.FULLY_CONNECTED, inputs, site.output, denseOptions(a));
  },
  activation: (a, site) => activations[a.kind](site),
  add: (a, site) => site.model.operator(BuiltinOperator.ADD, site.inputs, site.output, addOptions(a.fused)),
  scaleChannels: (_, site) => {
    const shape = [site.batch, 1, 1, site.shape[2]!];
    const gate = reshape(site, site.inputs[1]!, shape, site.model.tensor(`${site.name}/gate`, shape));
    site.model.operator(BuiltinOperator.MUL, [site.inputs[0]!, gate], site.output, mulOptions);
  },
  concat: (_, site) => site.model.operator(BuiltinOperator.CONCATENATION, site.inputs, site.output, concatOptions),
  maxPool: (a, site) => site.model.operator(BuiltinOperator.MAX_POOL_2D, site.inputs, site.output, poolOptions(a)),
  avgPool: (a, site) => site.model.operator(BuiltinOperator.AVERAGE_POOL_2D, site.inputs, site.output, poolOptions(a)),
  globalAvgPool: (_, site) => {
    const mean = site.model.tensor(`${site.name}/mean`, [site.batch, 1, 1, site.shape[0]!]);
    site.model.operator(BuiltinOperator.MEAN, [site.inputs[0]!, integers(site, 'axes', [1, 2])], mean, meanOptions);
    reshape(site, mean, [site.batch, site.shape[0]!], site.output);
  },
  slice: (a, site) => {
    const [begin, size] = [integers(site, 'begin', [0, ...a.begin]), integers(site, 'size', [site.batch, ...a.size])];
    site.model.operator(BuiltinOperator.SLICE, [site.inputs[0]!, begin, size], site.output);
  },
  padChannels: (a, site) => {
    const paddings = site.model.constant(`${site.name}/paddings`, [4, 2], Int32Array.of(0, 0, 0, 0, 0, 0, 0, a.after));
    site.model.operator(BuiltinOperator.PAD, [site.inputs[0]!, paddings], site.output);
  },
  shuffleChannels: (a, site) => {
    const [height, width, channels] = site.shape as [number, number, number];
    const pixels = site.batch * height * width;
    const grouped = [pixels, a.groups, channels / a.groups] as const;
    const split = reshape(site, site.inputs[0]!, grouped, site.model.tensor(`${site.name}/split`, grouped));
    const swapped = site.model.tensor(`${site.name}/swapped`, [grouped[0], grouped[2], grouped[1]]);
    site.model.operator(BuiltinOperator.TRANSPOSE, [split, integers(site, 'permutation', [0, 2, 1])], swapped);
    reshape(site, swapped, [site.batch, ...site.shape], site.output);
  },
};

const activations: { readonly [K in ActivationKind]: (site: Site) => void } = {
  relu: (site) => site.model.operator(BuiltinOperator.RELU, site.inputs, site.output),
  relu6: (site) => site.model.operator(BuiltinOperator.RELU6, site.inputs, site.output),
  sigmoid: (site) => site.model.operator(BuiltinOperator.LOGISTIC, site.inputs, site.output),
  hardSwish: (site) => site.model.operator(BuiltinOperator.HARD_SWISH, site.inputs, site.output),
  hardSigmoid: (site) => {
    const shifted = site.model.tensor(`${site.name}/shifted`, [site.batch, ...site.shape]);
    const three = constant(site, 'three', [1], Float32Array.of(3));
    site.model.operator(BuiltinOperator.ADD, [site.inputs[0]!, three], shifted, addOptions('relu6'));
    const inputs = [shifted, constant(site, 'sixth', [1], Float32Array.of(1 / 6))];
    site.model.operator(BuiltinOperator.MUL, inputs, site.output, mulOptions);
  },
};

function constant(site: Site, name: string, shape: readonly number[], values: Float32Array): TensorIndex {
  return site.model.constant(`${site.name}/${name}`, shape, values);
}

function integers(site: Site, name: string, values: readonly number[]): TensorIndex {
  return site.model.constant(`${site.name}/${name}`, [values.length], Int32Array.from(values));
}

function bias(site: Site, channels: number): TensorIndex {
  return constant(site, 'bias', [channels], site.weight('bias') ?? new Float32Array(channels));
}

function reshape(site: Site, from: TensorIndex, shape: readonly number[], to: TensorIndex): TensorIndex {
  site.model.operator(BuiltinOperator.RESHAPE, [from, integers(site, `shape${to}`, shape)], to, reshapeOptions(shape));
  return to;
}

/** [rows, columns] -> [columns, rows] */
function transpose(values: Float32Array, rowCount: number, columnCount: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++)
      result[column * rowCount + row] = values[row * columnCount + column]!;
  }
  return result;
}

export interface TfliteOptions {
  readonly batch: number;
  /** Stands in the file; says where it comes from. */
  readonly description: string;
}

/**
 * The .tflite file of an inference Graph: float32, inputs [batch, ...shape] named as the Graph's.
 * Throws `GRAPH_ILLEGAL` on a training Graph, `WEIGHTS_MISMATCH`.
 */
export function writeTflite(graph: Graph, weights: Weights, options: TfliteOptions): Uint8Array {
  verifyInference(graph);
  verifyWeights(graph, weights);
  const picked = slicesToPicks({ graph, weights });
  const model = new TfliteModel();
  const tensors = new Map<TensorId, { index: TensorIndex; shape: Shape }>();
  const define = (id: TensorId, shape: Shape) => {
    const index = model.tensor(id, [options.batch, ...shape]);
    tensors.set(id, { index, shape });
    return index;
  };
  for (const input of graph.inputs) define(input.id, input.shape);
  for (const node of delegateOrder(picked.graph) as Node<InferenceOp>[]) {
    const inputs = node.inputs.map((id) => tensors.get(id)!);
    (rows[node.op] as Row<OpAttributes[InferenceOp]>)(node.attributes, {
      model,
      batch: options.batch,
      name: node.id,
      inputs: inputs.map(({ index }) => index),
      inputShapes: inputs.map(({ shape }) => shape),
      shape: node.shape,
      output: define(node.id, node.shape),
      weight: (name) => picked.weights.get(`${node.id}/${name}`)?.values,
    });
  }
  const indices = (ids: readonly TensorId[]) => ids.map((id) => tensors.get(id)!.index);
  return model.write(indices(graph.inputs.map(({ id }) => id)), indices(graph.outputs), options.description);
}

/**
 * A model without operators: inputs of the given shapes, outputs that are constant zeros. Running it costs what calling
 * the runtime and copying its inputs and outputs cost, and nothing else.
 */
export function writeEmptyTflite(
  inputShapes: readonly Shape[],
  outputShapes: readonly Shape[],
  batch: number,
): Uint8Array {
  const model = new TfliteModel();
  const inputs = inputShapes.map((shape, index) => model.tensor(`input${index}`, [batch, ...shape]));
  const outputs = outputShapes.map((shape, index) =>
    model.constant(`output${index}`, [batch, ...shape], new Float32Array(batch * elementCount(shape))),
  );
  return model.write(inputs, outputs, 'nothing but inputs and outputs');
}
