/**
 * mbconv: the mobile inverted bottleneck, with optional squeeze-and-excitation (MobileNetV2, MobileNetV3, ProxylessNAS §2.1).
 *
 *   x ─ 1x1 expand ─ BN ─ act ─ depthwise kxk/s ─ BN ─ act ─ [SE] ─ 1x1 project ─ BN ─(+ x when stride 1 and in = out)─▶
 *       └ absent when expandRatio = 1 ┘
 */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { type ActivationKind, activationKinds } from '../graph/op.js';
import { batchNormEpsilon, channelCount, kernelSize, stride } from './conv.js';

export interface MBConvBlock {
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly expandRatio: number;
  readonly activation: ActivationKind;
  readonly squeezeExcite: boolean;
}

export const mbconvSchema = z.strictObject({
  outChannels: channelCount,
  kernelSize,
  stride,
  expandRatio: z.number().int().min(1).max(12),
  activation: z.enum(activationKinds),
  squeezeExcite: z.boolean(),
});

/** x [H, W, C] -> [ceil(H/s), ceil(W/s), outChannels] */
export function lowerMBConv(builder: GraphBuilder, id: string, block: MBConvBlock, x: TensorId): TensorId {
  const inChannels = builder.shape(x)[2]!;
  const { kernelSize: k, stride: s, activation: kind } = block;
  const norm = (name: string, input: TensorId) =>
    builder.add(id, name, 'batchNorm', { epsilon: batchNormEpsilon }, input);
  const pointwise = (name: string, filters: number, input: TensorId) =>
    builder.add(
      id,
      name,
      'conv2d',
      { filters, kernel: [1, 1], stride: [1, 1], dilation: 1, bias: false, fused: 'none' },
      input,
    );

  const midChannels = inChannels * block.expandRatio;
  let y = x;
  if (block.expandRatio !== 1) {
    y = norm('expand-norm', pointwise('expand', midChannels, y));
    y = builder.add(id, 'expand-act', 'activation', { kind }, y);
  }
  y = builder.add(
    id,
    'depthwise',
    'depthwiseConv2d',
    { kernel: [k, k], stride: [s, s], dilation: 1, bias: false, fused: 'none' },
    y,
  );
  y = builder.add(id, 'depthwise-act', 'activation', { kind }, norm('depthwise-norm', y));
  if (block.squeezeExcite) y = lowerSqueezeExcite(builder, id, y, divisibleBy8(midChannels / 4));
  y = norm('project-norm', pointwise('project', block.outChannels, y));
  return s === 1 && inChannels === block.outChannels ? builder.add(id, 'residual', 'add', { fused: 'none' }, x, y) : y;
}

/** MobileNetV3's gate: pool, dense to `squeezedChannels`, relu, dense back, hard sigmoid, scale. x [H, W, C] -> same */
function lowerSqueezeExcite(builder: GraphBuilder, id: string, x: TensorId, squeezedChannels: number): TensorId {
  const channels = builder.shape(x)[2]!;
  const pool = builder.add(id, 'se-pool', 'globalAvgPool', {}, x);
  const reduce = builder.add(id, 'se-reduce', 'dense', { units: squeezedChannels, bias: true, fused: 'none' }, pool);
  const relu = builder.add(id, 'se-relu', 'activation', { kind: 'relu' }, reduce);
  const expand = builder.add(id, 'se-expand', 'dense', { units: channels, bias: true, fused: 'none' }, relu);
  const gate = builder.add(id, 'se-gate', 'activation', { kind: 'hardSigmoid' }, expand);
  return builder.add(id, 'se-scale', 'scaleChannels', {}, x, gate);
}

/** The nearest multiple of 8, at least 8, never under 90% of `channels` (MobileNet's make_divisible). */
export function divisibleBy8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
