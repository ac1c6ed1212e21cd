/**
 * ONNX: one table, op -> operators of the format.
 *
 * ONNX puts channels first: feature maps, those of the file's inputs and outputs too, are [batch, C, H, W], vectors [batch, C].
 * Weights are transposed here, so nothing is transposed when the model runs. Padding is written out, for SAME is uneven. An
 * activation that our Graph fuses is a node of its own: runtimes fuse it again.
 */
import { type Graph, type Node, type TensorId, tensorShapes } from '../graph/graph.js';
import type { ActivationKind, FusedActivation, OpAttributes, OpKind, Pair } from '../graph/op.js';
import { elementCount, type Shape, samePadding } from '../graph/tensor.js';
import { verifyInference } from '../graph/verify.js';
import { verifyWeights, type Weights } from '../graph/weights.js';
import { OnnxModel, type TensorName } from './onnx-model.js';

/** All that an inference Graph may hold. */
type InferenceOp = Exclude<OpKind, 'batchNorm'>;

/** What a row may use to write its node. */
interface Site {
  readonly model: OnnxModel;
  readonly batch: number;
  /** The node's id, which is its output's name, too; names of its constants start with it. */
  readonly name: string;
  readonly inputs: readonly TensorName[];
  /** Shapes of the inputs and the output for one sample, channels last as in our Graph. */
  readonly inputShapes: readonly Shape[];
  readonly shape: Shape;
  /** Values of one of the node's weights, undefined where it has none of that name. */
  weight(name: string): Float32Array | undefined;
}

/** Writes operators of which the last makes `site.name`. */
type Row<A> = (attributes: A, site: Site) => void;

const rows: { readonly [K in InferenceOp]: Row<OpAttributes[K]> } = {
  conv2d: (a, site) => convolution(site, a, { filters: a.filters, groups: 1 }),
  depthwiseConv2d: (a, site) => convolution(site, a, { filters: site.shape[2]!, groups: site.shape[2]! }),
  dense: (a, site) => {
    const filter = constant(site, 'filter', [site.inputShapes[0]![0]!, a.units], site.weight('filter')!);
    fused(site, a.fused, (output) => site.model.node('Gemm', [site.inputs[0]!, filter, ...bias(site)], output));
  },
  activation: (a, site) => activations[a.kind](site, site.inputs[0]!),
  add: (a, site) => fused(site, a.fused, (output) => site.model.node('Add', site.inputs, output)),
  scaleChannels: (_, site) => {
    const axes = site.model.integers(`${site.name}/axes`, [2, 3]);
    const gate = site.model.node('Unsqueeze', [site.inputs[1]!, axes], `${site.name}/gate`);
    site.model.node('Mul', [site.inputs[0]!, gate], site.name);
  },
  concat: (_, site) => site.model.node('Concat', site.inputs, site.name, { axis: 1 }),
  maxPool: (a, site) => site.model.node('MaxPool', site.inputs, site.name, windowOf(site, a)),
  // Without count_include_pad padding does not count, as in ours.
  avgPool: (a, site) => site.model.node('AveragePool', site.inputs, site.name, windowOf(site, a)),
  globalAvgPool: (_, site) => {
    const mean = site.model.node('GlobalAveragePool', site.inputs, `${site.name}/mean`);
    site.model.node('Flatten', [mean], site.name);
  },
  slice: (a, site) => {
    const begin = channelsFirst(a.begin);
    const end = channelsFirst(a.begin.map((start, axis) => start + a.size[axis]!));
    const bounds = { begin, end, axes: [1, 2, 3] };
    const inputs = Object.entries(bounds).map(([name, values]) => site.model.integers(`${site.name}/${name}`, values));
    site.model.node('Slice', [site.inputs[0]!, ...inputs], site.name);
  },
  padChannels: (a, site) => {
    const paddings = site.model.integers(`${site.name}/paddings`, [0, 0, 0, 0, 0, a.after, 0, 0]);
    site.model.node('Pad', [site.inputs[0]!, paddings], site.name);
  },
  shuffleChannels: (a, site) => {
    const [height, width, channels] = site.shape as [number, number, number];
    const split = reshape(site, site.inputs[0]!, [site.batch, a.groups, channels / a.groups, height, width], 'split');
    const swapped = site.model.node('Transpose', [split], `${site.name}/swapped`, { perm: [0, 2, 1, 3, 4] });
    reshape(site, swapped, [site.batch, channels, height, width]);
  },
};

/** Makes `site.name` of x. */
const activations: { readonly [K in ActivationKind]: (site: Site, x: TensorName) => void } = {
  relu: (site, x) => site.model.node('Relu', [x], site.name),
  relu6: (site, x) => {
    const bounds = ([0, 6] as const).map((bound) => constant(site, `bound${bound}`, [], Float32Array.of(bound)));
    site.model.node('Clip', [x, ...bounds], site.name);
  },
  sigmoid: (site, x) => site.model.node('Sigmoid', [x], site.name),
  hardSwish: (site, x) => site.model.node('HardSwish', [x], site.name),
  hardSigmoid: (site, x) =>
    site.model.node('HardSigmoid', [x], site.name, { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
};

interface ConvolutionAttributes {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: number;
  readonly fused: FusedActivation;
}

function convolution(
  site: Site,
  a: ConvolutionAttributes,
  { filters, groups }: { filters: number; groups: number },
): void {
  const inChannels = site.inputShapes[0]![2]! / groups;
  // [kernelHeight, kernelWidth, in, out] -> [out, in, kernelHeight, kernelWidth]; depthwise, `in` is 1.
  const [taps, values] = [a.kernel[0] * a.kernel[1], site.weight('filter')!];
  const transposed = new Float32Array(values.length);
  for (let tap = 0, from = 0; tap < taps; tap++) {
    for (let c = 0; c < inChannels; c++)
      for (let out = 0; out < filters; out++) transposed[(out * inChannels + c) * taps + tap] = values[from++]!;
  }
  const filter = constant(site, 'filter', [filters, inChannels, ...a.kernel], transposed);
  const attributes = { ...windowOf(site, a), dilations: [a.dilation, a.dilation], group: groups };
  fused(site, a.fused, (output) =>
    site.model.node('Conv', [site.inputs[0]!, filter, ...bias(site)], output, attributes),
  );
}

/** Kernel, stride and paddings, all [along height, along width]; paddings before, then after. */
function windowOf(site: Site, { kernel, stride, dilation = 1 }: { kernel: Pair; stride: Pair; dilation?: number }) {
  const paddings = ([0, 1] as const).map((axis) =>
    samePadding(site.inputShapes[0]![axis]!, kernel[axis], stride[axis], dilation),
  );
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
  return { kernel_shape: kernel, strides: stride, pads };
}

/** Writes an operator into the name that it is given, and what our Graph fused into it behind it. */
function fused(site: Site, activation: FusedActivation, write: (output: TensorName) => TensorName): void {
  if (activation === 'none') write(site.name);
  else activations[activation](site, write(`${site.name}/sum`));
}

/** The bias as an input, none where the node has none. */
function bias(site: Site): TensorName[] {
  const values = site.weight('bias');
  return values ? [constant(site, 'bias', [values.length], values)] : [];
}

function constant(site: Site, name: string, shape: readonly number[], values: Float32Array): TensorName {
  return site.model.constant(`${site.name}/${name}`, shape, values);
}

/** Makes `<site.name>/<name>`, or `site.name` itself. */
function reshape(site: Site, x: TensorName, shape: readonly number[], name?: string): TensorName {
  const output = name ? `${site.name}/${name}` : site.name;
  return site.model.node('Reshape', [x, site.model.integers(`${output}/shape`, shape)], output);
}

/** [H, W, C] -> [C, H, W]; a vector stays. */
function channelsFirst(sizes: readonly number[]): number[] {
  return sizes.length === 3 ? [sizes[2]!, sizes[0]!, sizes[1]!] : [...sizes];
}

export interface OnnxOptions {
  readonly batch: number;
  /** Stands in the file; says where it comes from. */
  readonly description: string;
}

/**
 * The .onnx file of an inference Graph: float32, inputs named as the Graph's, [batch, C, H, W] or [batch, C]; outputs named as
 * the Graph's, too, but for an input that is an output, which ONNX does not allow: its copy is `<name>/copy`.
 * Throws `GRAPH_ILLEGAL` on a training Graph, `WEIGHTS_MISMATCH`.
 */
export function writeOnnx(graph: Graph, weights: Weights, { batch, description }: OnnxOptions): Uint8Array {
  verifyInference(graph);
  verifyWeights(graph, weights);
  const model = new OnnxModel();
  const shapes = tensorShapes(graph);
  for (const node of graph.nodes as readonly Node<InferenceOp>[]) {
    (rows[node.op] as Row<OpAttributes[InferenceOp]>)(node.attributes, {
      model,
      batch,
      name: node.id,
      inputs: node.inputs,
      inputShapes: node.inputs.map((id) => shapes.get(id)!),
      shape: node.shape,
      weight: (name) => weights.get(`${node.id}/${name}`)?.values,
    });
  }
  const info = (id: TensorId, name = id) => ({ name, shape: [batch, ...channelsFirst(shapes.get(id)!)] });
  const isInput = (id: TensorId) => graph.inputs.some((input) => input.id === id);
  const outputs = graph.outputs.map((id) =>
    isInput(id) ? info(id, model.node('Identity', [id], `${id}/copy`)) : info(id),
  );
  return model.write(
    graph.inputs.map(({ id }) => info(id)),
    outputs,
    description,
  );
}

/**
 * A model that computes nothing: inputs of the given shapes, outputs that are constant zeros. Running it costs what calling
 * the runtime and handing its inputs and outputs over cost, and nothing else.
 */
export function writeEmptyOnnx(inputShapes: readonly Shape[], outputShapes: readonly Shape[]): Uint8Array {
  const model = new OnnxModel();
  const inputs = inputShapes.map((shape, index) => ({ name: `input${index}`, shape }));
  const outputs = outputShapes.map((shape, index) => ({
    name: model.constant(`output${index}`, shape, new Float32Array(elementCount(shape))),
    shape,
  }));
  return model.write(inputs, outputs, 'nothing but inputs and outputs');
}
