/** CellBuilder: the few node sequences that all cell ops are made of; pre-activation, no convolution bias (eeea.md names: ReLU-conv-BN). */
import { AppError } from '../base/errors.js';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import type { Pair } from '../graph/op.js';

/** Batch norm's epsilon in NASNet-style and PyramidNet networks (PyTorch's default). */
export const cellBatchNormEpsilon = 1e-5;

/** Adds nodes of one block; every method takes the name of what it adds, gives its tensor, and throws `GRAPH_ILLEGAL`. */
export class CellBuilder {
  constructor(
    private readonly builder: GraphBuilder,
    private readonly block: string,
  ) {}

  channels(x: TensorId): number {
    return this.builder.shape(x)[2]!;
  }

  relu(name: string, x: TensorId): TensorId {
    return this.builder.add(this.block, name, 'activation', { kind: 'relu' }, x);
  }

  norm(name: string, x: TensorId): TensorId {
    return this.builder.add(this.block, name, 'batchNorm', { epsilon: cellBatchNormEpsilon }, x);
  }

  conv(name: string, filters: number, kernel: Pair, stride: Pair, x: TensorId): TensorId {
    return this.builder.add(
      this.block,
      name,
      'conv2d',
      { filters, kernel, stride, dilation: 1, bias: false, fused: 'none' },
      x,
    );
  }

  pointwise(name: string, filters: number, x: TensorId): TensorId {
    return this.conv(name, filters, [1, 1], [1, 1], x);
  }

  depthwise(name: string, kernelSize: number, stride: number, dilation: number, x: TensorId): TensorId {
    const attributes = {
      kernel: [kernelSize, kernelSize],
      stride: [stride, stride],
      dilation,
      bias: false,
      fused: 'none',
    } as const;
    return this.builder.add(this.block, name, 'depthwiseConv2d', attributes, x);
  }

  pool(kind: 'maxPool' | 'avgPool', name: string, kernelSize: number, stride: number, x: TensorId): TensorId {
    return this.builder.add(this.block, name, kind, { kernel: [kernelSize, kernelSize], stride: [stride, stride] }, x);
  }

  add(name: string, a: TensorId, b: TensorId): TensorId {
    return this.builder.add(this.block, name, 'add', { fused: 'none' }, a, b);
  }

  /** The channels of all maps, one after another; a single map stays as it is. */
  concat(name: string, maps: readonly TensorId[]): TensorId {
    return maps.length === 1 ? maps[0]! : this.builder.add(this.block, name, 'concat', {}, ...maps);
  }

  /** Channels begin ..< begin + count. */
  sliceChannels(name: string, begin: number, count: number, x: TensorId): TensorId {
    const [height, width] = this.builder.shape(x);
    return this.builder.add(this.block, name, 'slice', { begin: [0, 0, begin], size: [height!, width!, count] }, x);
  }

  shuffle(name: string, groups: number, x: TensorId): TensorId {
    return this.builder.add(this.block, name, 'shuffleChannels', { groups }, x);
  }

  /** ReLU, 1x1 convolution, BN. */
  reluConvNorm(name: string, filters: number, x: TensorId): TensorId {
    return this.norm(`${name}-norm`, this.pointwise(`${name}-conv`, filters, this.relu(`${name}-relu`, x)));
  }

  /** Half the size: ReLU, two 1x1 convolutions with stride 2, the second on the map shifted by one pixel, concat, BN. Even sizes only. */
  factorizedReduce(name: string, filters: number, x: TensorId): TensorId {
    const [height, width, channels] = this.builder.shape(x);
    if (height! % 2 === 1 || width! % 2 === 1) {
      throw new AppError('GRAPH_ILLEGAL', {
        where: `${this.block}/${name}`,
        expected:
          'a map of even height and width to halve (take images whose height and width cells can halve each time: a multiple of 4 where they halve twice)',
        got: `${height}x${width}`,
      });
    }
    const relu = this.relu(`${name}-relu`, x);
    const begin = [1, 1, 0];
    const shifted = this.builder.add(
      this.block,
      `${name}-shift`,
      'slice',
      { begin, size: [height! - 1, width! - 1, channels!] },
      relu,
    );
    const firstHalf = Math.floor(filters / 2);
    const even = this.conv(`${name}-even`, firstHalf, [1, 1], [2, 2], relu);
    const odd = this.conv(`${name}-odd`, filters - firstHalf, [1, 1], [2, 2], shifted);
    return this.norm(`${name}-norm`, this.concat(`${name}-concat`, [even, odd]));
  }

  /** EEEA's gate: pool, dense to C/16, ReLU, dense back, sigmoid, scale; no bias. x [H, W, C >= 16] -> same */
  squeezeExcite(name: string, x: TensorId): TensorId {
    const channels = this.channels(x);
    const dense = (part: string, units: number, input: TensorId) =>
      this.builder.add(this.block, `${name}-${part}`, 'dense', { units, bias: false, fused: 'none' }, input);
    const pool = this.builder.add(this.block, `${name}-pool`, 'globalAvgPool', {}, x);
    const squeezed = this.relu(`${name}-relu`, dense('reduce', Math.max(Math.floor(channels / 16), 1), pool));
    const gate = this.builder.add(
      this.block,
      `${name}-gate`,
      'activation',
      { kind: 'sigmoid' },
      dense('expand', channels, squeezed),
    );
    return this.builder.add(this.block, `${name}-scale`, 'scaleChannels', {}, x, gate);
  }
}
