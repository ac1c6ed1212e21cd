/**
 * The weights that each op declares: names, shapes, and how they start. Params are the sizes of these, so nothing
 * else counts them.
 *
 * A Graph's weights are a map from `<nodeId>/<weight>` to numbers in the layouts below; engines and formats share it.
 */
import { AppError } from '../base/errors.js';
import { type RandomStream, randomStream } from '../base/random.js';
import { type Graph, tensorShapes } from './graph.js';
import type { OpAttributes, OpKind } from './op.js';
import { elementCount, formatShape, type Shape } from './tensor.js';

/** How a weight starts. `normal` has the given standard deviation, `uniform` lies in ±bound. */
export type Initializer =
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface WeightDeclaration {
  readonly shape: Shape;
  /** False for batch norm's moving statistics: state, not params. */
  readonly trainable: boolean;
  readonly initializer: Initializer;
}

type Declarations = Readonly<Record<string, WeightDeclaration>>;
type Row<A> = (attributes: A, input: Shape) => Declarations;

const none = (): Declarations => ({});

// Convolutions start as ProxylessNAS's do: N(0, sqrt(2 / (k * k * out))), groups ignored (He, fan out).
const rows: { readonly [K in OpKind]: Row<OpAttributes[K]> } = {
  conv2d: (a, x) => ({
    filter: normal([...a.kernel, x[2]!, a.filters], Math.sqrt(2 / (a.kernel[0] * a.kernel[1] * a.filters))),
    ...bias(a.bias, a.filters),
  }),
  depthwiseConv2d: (a, x) => ({
    filter: normal([...a.kernel, x[2]!, 1], Math.sqrt(2 / (a.kernel[0] * a.kernel[1] * x[2]!))),
    ...bias(a.bias, x[2]!),
  }),
  dense: (a, x) => ({
    filter: { shape: [x[0]!, a.units], trainable: true, initializer: { kind: 'uniform', bound: 1 / Math.sqrt(x[0]!) } },
    ...bias(a.bias, a.units),
  }),
  batchNorm: (_, x) => {
    const shape = [x.at(-1)!];
    return {
      scale: constant(shape, 1, true),
      shift: constant(shape, 0, true),
      mean: constant(shape, 0, false),
      variance: constant(shape, 1, false),
    };
  },
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

function normal(shape: Shape, deviation: number): WeightDeclaration {
  return { shape, trainable: true, initializer: { kind: 'normal', deviation } };
}

function constant(shape: Shape, value: number, trainable: boolean): WeightDeclaration {
  return { shape, trainable, initializer: { kind: 'constant', value } };
}

function bias(present: boolean, units: number): Declarations {
  return present ? { bias: constant([units], 0, true) } : {};
}

/** Every weight of the graph, in node order, by its full name `<nodeId>/<weight>`. */
export function declareWeights(graph: Graph): ReadonlyMap<string, WeightDeclaration> {
  const shapes = tensorShapes(graph);
  const declared = new Map<string, WeightDeclaration>();
  for (const node of graph.nodes) {
    const row = rows[node.op] as Row<OpAttributes[OpKind]>;
    for (const [name, declaration] of Object.entries(row(node.attributes, shapes.get(node.inputs[0]!)!))) {
      declared.set(`${node.id}/${name}`, declaration);
    }
  }
  return declared;
}

/** Params of the graph: the sizes of its trainable weights. */
export function countParams(graph: Graph): number {
  let count = 0;
  for (const { shape, trainable } of declareWeights(graph).values()) if (trainable) count += elementCount(shape);
  return count;
}

export interface WeightTensor {
  readonly shape: Shape;
  readonly values: Float32Array;
}

export type Weights = ReadonlyMap<string, WeightTensor>;

/** Initial weights: a function of the seed and each node's id alone, so engines start alike and blocks can be initialized one by one. */
export function initializeWeights(graph: Graph, seed: number): Map<string, WeightTensor> {
  const weights = new Map<string, WeightTensor>();
  for (const [name, declaration] of declareWeights(graph)) weights.set(name, initializeWeight(name, declaration, seed));
  return weights;
}

/** One weight's start: a function of the seed and its name. */
export function initializeWeight(name: string, { shape, initializer }: WeightDeclaration, seed: number): WeightTensor {
  const values = new Float32Array(elementCount(shape));
  fill(values, initializer, randomStream(seed, 'weights', name));
  return { shape, values };
}

function fill(values: Float32Array, initializer: Initializer, stream: RandomStream): void {
  if (initializer.kind === 'constant') values.fill(initializer.value);
  else if (initializer.kind === 'normal')
    for (let i = 0; i < values.length; i++) values[i] = stream.normal() * initializer.deviation;
  else for (let i = 0; i < values.length; i++) values[i] = (stream.uniform() * 2 - 1) * initializer.bound;
}

/** Throws `WEIGHTS_MISMATCH` unless `weights` holds every weight of the graph in its shape. */
export function verifyWeights(graph: Graph, weights: Weights): void {
  for (const [name, { shape }] of declareWeights(graph)) {
    const got = weights.get(name);
    const expected = `[${formatShape(shape)}] with ${elementCount(shape)} values`;
    if (!got) throw new AppError('WEIGHTS_MISMATCH', { name, expected, got: 'nothing' });
    if (formatShape(got.shape) !== formatShape(shape) || got.values.length !== elementCount(shape)) {
      throw new AppError('WEIGHTS_MISMATCH', {
        name,
        expected,
        got: `[${formatShape(got.shape)}] with ${got.values.length} values`,
      });
    }
  }
}
