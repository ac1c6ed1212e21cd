/**
 * The table of small Graphs that every backend and format must compute alike: every op with every variety of its
 * attributes that pads, strides or rounds differently. Each column (wasm, tensorflow, tflite, …) is a test file that
 * runs all rows it can and compares with reference.ts.
 *
 * A row is a Graph; its numbers follow from its name: `caseInputs(row)` and `caseWeights(row)` draw them from streams
 * keyed by it. So a column needs nothing but this file. Rows whose Graph holds batchNorm are training Graphs: formats
 * that take inference Graphs only skip them by `isInference(row)` (or fold first).
 */
import { randomStream } from '@bespoke/shared/base/random.js';
import { type Graph, GraphBuilder, type TensorId } from '@bespoke/shared/graph/graph.js';
import { activationKinds, type OpAttributes, type OpKind, type Pair } from '@bespoke/shared/graph/op.js';
import { elementCount, type Shape } from '@bespoke/shared/graph/tensor.js';
import { declareWeights, type WeightTensor } from '@bespoke/shared/graph/weights.js';
import type { BlockBody } from '@bespoke/shared/network/block.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';

export interface ConformanceCase {
  /** Unique; the seed of the case's numbers. */
  readonly name: string;
  readonly graph: Graph;
  /** How many samples `caseInputs` draws. */
  readonly batchSize: number;
  /** Batch norm by batch statistics (true) or by the moving ones among the weights (false). Irrelevant without batchNorm. */
  readonly training: boolean;
}

/** True where the Graph holds no batchNorm, so that inference formats can take it as it is. */
export function isInference(row: ConformanceCase): boolean {
  return row.graph.nodes.every(({ op }) => op !== 'batchNorm');
}

/** The case's inputs by id, each [batchSize, ...shape] row by row, standard normal numbers. */
export function caseInputs(row: ConformanceCase): Map<TensorId, Float32Array> {
  return new Map(
    row.graph.inputs.map(({ id, shape }) => [id, normals(row.name, id, row.batchSize * elementCount(shape), 1)]),
  );
}

/** The case's weights by full name: normal numbers, variances from 0.5 to 1.5. */
export function caseWeights(row: ConformanceCase): Map<string, WeightTensor> {
  const weights = new Map<string, WeightTensor>();
  for (const [name, { shape }] of declareWeights(row.graph)) {
    const values = normals(row.name, name, elementCount(shape), 0.5);
    if (name.endsWith('/variance'))
      values.forEach((value, index) => {
        values[index] = 0.5 + 1 / (1 + Math.exp(-value));
      });
    weights.set(name, { shape, values });
  }
  return weights;
}

function normals(name: string, id: string, count: number, deviation: number): Float32Array {
  const stream = randomStream('conformance', name, id);
  return Float32Array.from({ length: count }, () => stream.normal() * deviation);
}

/** A Graph of one node on inputs of the given shapes. */
function single<K extends OpKind>(
  name: string,
  op: K,
  attributes: OpAttributes[K],
  ...shapes: Shape[]
): ConformanceCase {
  const builder = new GraphBuilder();
  const inputs = shapes.map((shape, index) => builder.input(`input${index}`, shape));
  const output = builder.add('block', 'node', op, attributes, ...inputs);
  return { name: `${op} ${name}`, graph: builder.build([output]), batchSize: 2, training: false };
}

function block(name: string, body: BlockBody, training: boolean, ...shapes: Shape[]): ConformanceCase {
  return { name: `block ${name}`, graph: lowerSingle('block', body, shapes), batchSize: 3, training };
}

interface Window {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly dilation?: number;
  readonly size?: Pair;
}

/** Windows that pad differently on each side, differ by axis, or leave a remainder. */
const windows: Readonly<Record<string, Window>> = {
  '1x1': { kernel: [1, 1] },
  '1x1/2 even': { kernel: [1, 1], stride: [2, 2], size: [6, 4] },
  '1x1/2 odd': { kernel: [1, 1], stride: [2, 2], size: [7, 5] },
  '3x3': { kernel: [3, 3] },
  '3x3/2 even': { kernel: [3, 3], stride: [2, 2], size: [6, 8] },
  '3x3/2 odd': { kernel: [3, 3], stride: [2, 2], size: [7, 5] },
  '5x5/2 even': { kernel: [5, 5], stride: [2, 2], size: [8, 6] },
  '7x7 wider than the map': { kernel: [7, 7], size: [4, 3] },
  '2x2/2 odd': { kernel: [2, 2], stride: [2, 2], size: [5, 7] },
  '1x7': { kernel: [1, 7], size: [4, 8] },
  '7x1': { kernel: [7, 1], size: [8, 4] },
  '3x5/2x1': { kernel: [3, 5], stride: [2, 1], size: [7, 6] },
  '3x3/3': { kernel: [3, 3], stride: [3, 3], size: [8, 7] },
};

/** Windows with holes; TensorFlow allows them with stride 1 alone. */
const dilatedWindows: Readonly<Record<string, Window>> = {
  '3x3 dilation 2': { kernel: [3, 3], dilation: 2, size: [7, 6] },
  '5x5 dilation 2': { kernel: [5, 5], dilation: 2, size: [9, 7] },
  '3x3 dilation 3 wider than the map': { kernel: [3, 3], dilation: 3, size: [4, 5] },
};

function eachWindow(
  table: Readonly<Record<string, Window>>,
  row: (name: string, window: Required<Window>, shape: Shape) => ConformanceCase,
) {
  return Object.entries(table).map(([name, window]) => {
    const full = { stride: [1, 1] as const, dilation: 1, size: [6, 5] as const, ...window };
    return row(name, full, [...full.size, 3]);
  });
}

const plain = { bias: false, fused: 'none' } as const;
const allWindows = { ...windows, ...dilatedWindows };

const convolutions: ConformanceCase[] = [
  ...eachWindow(allWindows, (name, { kernel, stride, dilation }, x) =>
    single(name, 'conv2d', { filters: 4, kernel, stride, dilation, ...plain }, x),
  ),
  single(
    'bias',
    'conv2d',
    { filters: 5, kernel: [3, 3], stride: [1, 1], dilation: 1, bias: true, fused: 'none' },
    [5, 6, 3],
  ),
  single(
    'bias relu',
    'conv2d',
    { filters: 5, kernel: [3, 3], stride: [2, 2], dilation: 1, bias: true, fused: 'relu' },
    [5, 6, 3],
  ),
  single(
    'bias relu6',
    'conv2d',
    { filters: 5, kernel: [1, 1], stride: [1, 1], dilation: 1, bias: true, fused: 'relu6' },
    [5, 6, 3],
  ),
  single(
    'relu6 without bias',
    'conv2d',
    { filters: 5, kernel: [3, 1], stride: [1, 1], dilation: 1, bias: false, fused: 'relu6' },
    [5, 6, 3],
  ),
  single('one channel in', 'conv2d', { filters: 3, kernel: [3, 3], stride: [1, 1], dilation: 1, ...plain }, [5, 5, 1]),
  single('one pixel', 'conv2d', { filters: 3, kernel: [3, 3], stride: [1, 1], dilation: 1, ...plain }, [1, 1, 4]),
];

// A depthwise stride that differs by axis is refused by TensorFlow's kernel, so execution splits it: one row holds it to that.
const depthwise: ConformanceCase[] = [
  ...eachWindow(allWindows, (name, { kernel, stride, dilation }, x) =>
    single(name, 'depthwiseConv2d', { kernel, stride, dilation, ...plain }, x),
  ),
  single(
    'bias',
    'depthwiseConv2d',
    { kernel: [5, 5], stride: [1, 1], dilation: 1, bias: true, fused: 'none' },
    [5, 6, 4],
  ),
  single(
    'bias relu',
    'depthwiseConv2d',
    { kernel: [3, 3], stride: [2, 2], dilation: 1, bias: true, fused: 'relu' },
    [5, 6, 4],
  ),
  single(
    'bias relu6',
    'depthwiseConv2d',
    { kernel: [3, 3], stride: [1, 1], dilation: 2, bias: true, fused: 'relu6' },
    [5, 6, 4],
  ),
  single('one channel', 'depthwiseConv2d', { kernel: [3, 3], stride: [1, 1], dilation: 1, ...plain }, [5, 5, 1]),
];

const pools: ConformanceCase[] = [
  ...eachWindow(windows, (name, { kernel, stride }, x) => single(name, 'maxPool', { kernel, stride }, x)),
  ...eachWindow(windows, (name, { kernel, stride }, x) => single(name, 'avgPool', { kernel, stride }, x)),
  single('5x4', 'globalAvgPool', {}, [5, 4, 3]),
  single('one pixel', 'globalAvgPool', {}, [1, 1, 3]),
];

const elementwise: ConformanceCase[] = [
  ...activationKinds.map((kind) => single(`${kind} on a map`, 'activation', { kind }, [4, 5, 3])),
  ...activationKinds.map((kind) => single(`${kind} on a vector`, 'activation', { kind }, [7])),
  ...(['none', 'relu', 'relu6'] as const).map((fused) => single(fused, 'add', { fused }, [4, 3, 2], [4, 3, 2])),
  single('on vectors', 'add', { fused: 'none' }, [5], [5]),
  single('4x3x5', 'scaleChannels', {}, [4, 3, 5], [5]),
];

const denseLayers: ConformanceCase[] = [
  single('without bias', 'dense', { units: 4, ...plain }, [6]),
  single('bias', 'dense', { units: 4, bias: true, fused: 'none' }, [6]),
  single('bias relu', 'dense', { units: 4, bias: true, fused: 'relu' }, [6]),
  single('bias relu6', 'dense', { units: 4, bias: true, fused: 'relu6' }, [6]),
];

const norms: ConformanceCase[] = [
  { ...single('map by batch statistics', 'batchNorm', { epsilon: 1e-3 }, [4, 3, 5]), training: true },
  { ...single('map by moving statistics', 'batchNorm', { epsilon: 1e-3 }, [4, 3, 5]), training: false },
  { ...single('vector by batch statistics', 'batchNorm', { epsilon: 1e-5 }, [5]), batchSize: 6, training: true },
  { ...single('vector by moving statistics', 'batchNorm', { epsilon: 1e-5 }, [5]), training: false },
];

const rearranging: ConformanceCase[] = [
  single('two', 'concat', {}, [3, 4, 2], [3, 4, 5]),
  single('three', 'concat', {}, [3, 4, 2], [3, 4, 1], [3, 4, 3]),
  single('of the middle', 'slice', { begin: [1, 0, 2], size: [3, 2, 2] }, [5, 3, 6]),
  single('one row and column cut off', 'slice', { begin: [1, 1, 0], size: [4, 3, 2] }, [5, 4, 2]),
  single('3 behind', 'padChannels', { after: 3 }, [4, 3, 2]),
  single('2 groups', 'shuffleChannels', { groups: 2 }, [3, 4, 6]),
  single('3 groups', 'shuffleChannels', { groups: 3 }, [3, 4, 6]),
];

const mbconv = {
  kind: 'mbconv',
  outChannels: 4,
  kernelSize: 3,
  stride: 1,
  expandRatio: 3,
  activation: 'relu6',
  squeezeExcite: false,
} as const;
const blocks: ConformanceCase[] = [
  block('mbconv with shortcut', mbconv, true, [5, 4, 4]),
  block('mbconv with shortcut, moving statistics', mbconv, false, [5, 4, 4]),
  block(
    'mbconv strided, squeeze-excite, hard-swish',
    { ...mbconv, kernelSize: 5, stride: 2, activation: 'hardSwish', squeezeExcite: true },
    true,
    [6, 5, 3],
  ),
  block(
    'head',
    { kind: 'head', classes: 5, norm: true, hidden: { units: 6, activation: 'hardSwish' } },
    true,
    [3, 4, 5],
  ),
  block(
    'halving of a cell: a map shifted by one pixel, two strided convolutions',
    { kind: 'cell-part', part: { kind: 'preprocess', channels: 7, halves: true } },
    false,
    [6, 4, 5],
  ),
  twoOutputs(),
  lateAddition(),
];

/** A tensor read twice, an output that another node reads too, an input that is an output. */
function twoOutputs(): ConformanceCase {
  const builder = new GraphBuilder();
  const x = builder.input('input0', [4, 4, 2]);
  const y = builder.add('block', 'relu', 'activation', { kind: 'relu' }, x);
  const sum = builder.add('block', 'sum', 'add', { fused: 'none' }, x, y);
  const both = builder.add('block', 'both', 'concat', {}, sum, y);
  return { name: 'several outputs', graph: builder.build([y, both]), batchSize: 2, training: false };
}

/** An addition before nodes that do not need it and a concat that does: formats may order them anew. */
function lateAddition(): ConformanceCase {
  const builder = new GraphBuilder();
  const x = builder.input('input0', [4, 4, 2]);
  const relu = (name: string, from: TensorId) => builder.add('block', name, 'activation', { kind: 'relu' }, from);
  const y = relu('relu', x);
  const sum = builder.add('block', 'sum', 'add', { fused: 'none' }, x, y);
  const both = builder.add('block', 'both', 'concat', {}, sum, relu('other', y));
  return {
    name: 'an addition before what does not need it',
    graph: builder.build([relu('last', both)]),
    batchSize: 2,
    training: false,
  };
}

export const conformanceCases: readonly ConformanceCase[] = [
  ...convolutions,
  ...depthwise,
  ...pools,
  ...elementwise,
  ...denseLayers,
  ...norms,
  ...rearranging,
  ...blocks,
];
