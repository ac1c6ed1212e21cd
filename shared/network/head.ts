/**
 * head: global average pooling and the classifier.
 * `norm: true` puts BN and ReLU before the pool (PyramidNet); `hidden` puts a dense layer without bias before the classifier (MobileNetV3).
 */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { type ActivationKind, activationKinds } from '../graph/op.js';
import { batchNormEpsilon, channelCount } from './conv.js';

export interface HeadBlock {
  readonly classes: number;
  readonly norm?: boolean | undefined;
  readonly hidden?: { readonly units: number; readonly activation: ActivationKind } | undefined;
}

export const headSchema = z.strictObject({
  classes: z.number().int().min(2).max(100_000),
  norm: z.boolean().optional(),
  hidden: z.strictObject({ units: channelCount, activation: z.enum(activationKinds) }).optional(),
});

/** x [H, W, C] -> logits [classes] */
export function lowerHead(builder: GraphBuilder, id: string, block: HeadBlock, x: TensorId): TensorId {
  let y = x;
  if (block.norm) {
    y = builder.add(id, 'norm', 'batchNorm', { epsilon: batchNormEpsilon }, y);
    y = builder.add(id, 'act', 'activation', { kind: 'relu' }, y);
  }
  y = builder.add(id, 'pool', 'globalAvgPool', {}, y);
  if (block.hidden) {
    y = builder.add(id, 'hidden', 'dense', { units: block.hidden.units, bias: false, fused: 'none' }, y);
    y = builder.add(id, 'hidden-act', 'activation', { kind: block.hidden.activation }, y);
  }
  return builder.add(id, 'classifier', 'dense', { units: block.classes, bias: true, fused: 'none' }, y);
}
