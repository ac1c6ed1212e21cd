/**
 * The reference that every backend and format is held to: each op once more, in plain loops over float64, written from
 * its definition and not from any code under test. Gradients are central differences of it.
 */
import type { Graph, Node, TensorId } from '@bespoke/shared/graph/graph.js';
import type { ActivationKind, FusedActivation, OpAttributes, OpKind, Pair } from '@bespoke/shared/graph/op.js';

/** A tensor with its batch axis, row by row. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface Numbers {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

interface Context {
  readonly inputs: readonly Values[];
  weight(name: string): Float64Array;
  readonly training: boolean;
}

type Row<A> = (attributes: A, context: Context, shape: readonly number[]) => Values;

const rows: { readonly [K in OpKind]: Row<OpAttributes[K]> } = {
  conv2d: (a, { inputs: [x], weight }, shape) => {
    const [filter, bias, inChannels] = [weight('filter'), a.bias ? weight('bias') : undefined, x!.shape[3]!];
    return fill(shape, ([n, row, column, out]) => {
      let sum = bias?.[out!] ?? 0;
      eachTap(x!, a, a.dilation, row!, column!, (tap, y, z) => {
        for (let c = 0; c < inChannels; c++)
          sum += at(x!, n!, y, z, c) * filter[(tap * inChannels + c) * a.filters + out!]!;
      });
      return fused(a.fused, sum);
    });
  },
  depthwiseConv2d: (a, { inputs: [x], weight }, shape) => {
    const [filter, bias, channels] = [weight('filter'), a.bias ? weight('bias') : undefined, x!.shape[3]!];
    return fill(shape, ([n, row, column, c]) => {
      let sum = bias?.[c!] ?? 0;
      eachTap(x!, a, a.dilation, row!, column!, (tap, y, z) => {
        sum += at(x!, n!, y, z, c!) * filter[tap * channels + c!]!;
      });
      return fused(a.fused, sum);
    });
  },
  dense: (a, { inputs: [x], weight }, shape) => {
    const [filter, bias, size] = [weight('filter'), a.bias ? weight('bias') : undefined, x!.shape[1]!];
    return fill(shape, ([n, out]) => {
      let sum = bias?.[out!] ?? 0;
      for (let c = 0; c < size; c++) sum += x!.data[n! * size + c]! * filter[c * a.units + out!]!;
      return fused(a.fused, sum);
    });
  },
  batchNorm: (a, { inputs: [x], weight, training }, shape) => {
    const { mean, variance } = training ? batchMoments(x!) : { mean: weight('mean'), variance: weight('variance') };
    const [scale, shift] = [weight('scale'), weight('shift')];
    return fill(shape, (index, flat) => {
      const c = index.at(-1)!;
      return (scale[c]! * (x!.data[flat]! - mean[c]!)) / Math.sqrt(variance[c]! + a.epsilon) + shift[c]!;
    });
  },
  activation: (a, { inputs: [x] }, shape) => fill(shape, (_, flat) => activations[a.kind](x!.data[flat]!)),
  add: (a, { inputs: [x, y] }, shape) => fill(shape, (_, flat) => fused(a.fused, x!.data[flat]! + y!.data[flat]!)),
  scaleChannels: (_, { inputs: [x, gate] }, shape) =>
    fill(shape, ([n, , , c], flat) => x!.data[flat]! * gate!.data[n! * shape[3]! + c!]!),
  concat: (_, { inputs }, shape) =>
    fill(shape, ([n, row, column, channel]) => {
      let c = channel!;
      let from = 0;
      while (c >= inputs[from]!.shape[3]!) c -= inputs[from++]!.shape[3]!;
      return at(inputs[from]!, n!, row!, column!, c);
    }),
  maxPool: (a, { inputs: [x] }, shape) =>
    fill(shape, ([n, row, column, c]) => {
      let most = Number.NEGATIVE_INFINITY;
      eachTap(x!, a, 1, row!, column!, (_, y, z) => {
        most = Math.max(most, at(x!, n!, y, z, c!));
      });
      return most;
    }),
  avgPool: (a, { inputs: [x] }, shape) =>
    fill(shape, ([n, row, column, c]) => {
      let [sum, count] = [0, 0];
      eachTap(x!, a, 1, row!, column!, (_, y, z) => {
        sum += at(x!, n!, y, z, c!);
        count++;
      });
      return sum / count;
    }),
  globalAvgPool: (_, { inputs: [x] }, shape) => {
    const [, height, width] = x!.shape;
    return fill(shape, ([n, c]) => {
      let sum = 0;
      for (let y = 0; y < height!; y++) for (let z = 0; z < width!; z++) sum += at(x!, n!, y, z, c!);
      return sum / (height! * width!);
    });
  },
  slice: ({ begin }, { inputs: [x] }, shape) =>
    fill(shape, ([n, row, column, c]) => at(x!, n!, row! + begin[0]!, column! + begin[1]!, c! + begin[2]!)),
  padChannels: (_, { inputs: [x] }, shape) =>
    fill(shape, ([n, row, column, c]) => (c! < x!.shape[3]! ? at(x!, n!, row!, column!, c!) : 0)),
  shuffleChannels: ({ groups }, { inputs: [x] }, shape) =>
    fill(shape, ([n, row, column, c]) =>
      at(x!, n!, row!, column!, (c! % groups) * (shape[3]! / groups) + Math.floor(c! / groups)),
    ),
};

const activations: { readonly [K in ActivationKind]: (x: number) => number } = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  hardSigmoid: (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
  hardSwish: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
};

function fused(kind: FusedActivation, x: number): number {
  return kind === 'none' ? x : activations[kind](x);
}

/** Visits the elements inside the map that the window at (row, column) of the output sees; `tap` counts the window's row by row. */
function eachTap(
  x: Values,
  window: { readonly kernel: Pair; readonly stride: Pair },
  dilation: number,
  row: number,
  column: number,
  visit: (tap: number, y: number, z: number) => void,
): void {
  const [, height, width] = x.shape as [number, number, number];
  const top = row * window.stride[0] - paddingBefore(height, window.kernel[0], window.stride[0], dilation);
  const left = column * window.stride[1] - paddingBefore(width, window.kernel[1], window.stride[1], dilation);
  for (let i = 0; i < window.kernel[0]; i++) {
    for (let j = 0; j < window.kernel[1]; j++) {
      const [y, z] = [top + i * dilation, left + j * dilation];
      if (y >= 0 && y < height && z >= 0 && z < width) visit(i * window.kernel[1] + j, y, z);
    }
  }
}

/** TensorFlow's SAME: outputs = ceil(size / stride), the smaller half of what is missing goes before. */
function paddingBefore(size: number, kernel: number, stride: number, dilation: number): number {
  const missing = (Math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size;
  return Math.floor(Math.max(missing, 0) / 2);
}

function at({ shape, data }: Values, n: number, row: number, column: number, channel: number): number {
  return data[((n * shape[1]! + row) * shape[2]! + column) * shape[3]! + channel]!;
}

function fill(shape: readonly number[], value: (index: readonly number[], flat: number) => number): Values {
  const data = new Float64Array(shape.reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = value(index, flat);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

/** Mean and population variance per channel. */
export function batchMoments(x: Values): { mean: Float64Array; variance: Float64Array } {
  const channels = x.shape.at(-1)!;
  const count = x.data.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  x.data.forEach((value, flat) => {
    mean[flat % channels]! += value / count;
  });
  x.data.forEach((value, flat) => {
    variance[flat % channels]! += (value - mean[flat % channels]!) ** 2 / count;
  });
  return { mean, variance };
}

/** The outputs of the graph. Inputs [batchSize, ...shape] by id, weights by full name. */
export function referenceForward(
  graph: Graph,
  batchSize: number,
  inputs: ReadonlyMap<TensorId, ArrayLike<number>>,
  weights: ReadonlyMap<string, Numbers>,
  training: boolean,
): Values[] {
  const tensors = new Map<TensorId, Values>();
  for (const { id, shape } of graph.inputs)
    tensors.set(id, { shape: [batchSize, ...shape], data: Float64Array.from(inputs.get(id)!) });
  for (const node of graph.nodes) {
    const context: Context = {
      inputs: node.inputs.map((id) => tensors.get(id)!),
      weight: (name) => Float64Array.from(weights.get(`${node.id}/${name}`)!.values),
      training,
    };
    tensors.set(
      node.id,
      (rows[node.op] as Row<Node['attributes']>)(node.attributes, context, [batchSize, ...node.shape]),
    );
  }
  return graph.outputs.map((id) => tensors.get(id)!);
}

/**
 * Derivatives of a function with respect to each element of `at`, by central differences; `at` is changed and put back.
 * The step is small beside the numbers (about 1) and large beside float64's rounding.
 */
export function centralDifferences(value: () => number, at: Float64Array, step = 1e-5): Float64Array {
  return at.map((original, index) => {
    at[index] = original + step;
    const above = value();
    at[index] = original - step;
    const below = value();
    at[index] = original;
    return (above - below) / (2 * step);
  });
}
