/** conv: convolution, batch norm, activation; the stem and the feature mix of most networks. */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { type ActivationKind, activationKinds } from '../graph/op.js';

export interface ConvBlock {
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly activation: ActivationKind | 'none';
}

export const activationOrNone = z.enum(['none', ...activationKinds]);
export const channelCount = z.number().int().min(1).max(8192);
export const kernelSize = z.number().int().min(1).max(15);
export const stride = z.number().int().min(1).max(4);

export const convSchema = z.strictObject({
  outChannels: channelCount,
  kernelSize,
  stride,
  activation: activationOrNone,
});

/** Batch norm's epsilon in the MobileNet family (TensorFlow's and ProxylessNAS's value). */
export const batchNormEpsilon = 1e-3;

/** x [H, W, C] -> [ceil(H/s), ceil(W/s), outChannels] */
export function lowerConv(builder: GraphBuilder, id: string, block: ConvBlock, x: TensorId): TensorId {
  const { outChannels: filters, kernelSize: k, stride: s } = block;
  const conv = builder.add(
    id,
    'conv',
    'conv2d',
    { filters, kernel: [k, k], stride: [s, s], dilation: 1, bias: false, fused: 'none' },
    x,
  );
  const norm = builder.add(id, 'norm', 'batchNorm', { epsilon: batchNormEpsilon }, conv);
  return lowerActivation(builder, id, 'act', block.activation, norm);
}

/** Adds the activation unless it is none. */
export function lowerActivation(
  builder: GraphBuilder,
  id: string,
  name: string,
  kind: ActivationKind | 'none',
  x: TensorId,
): TensorId {
  return kind === 'none' ? x : builder.add(id, name, 'activation', { kind }, x);
}
