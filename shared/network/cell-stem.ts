/** cell-stem: what stands before the first NASNet-style cell: one convolution for small images, three with stride 2 for ImageNet's. */
import { z } from 'zod';
import type { GraphBuilder, TensorId } from '../graph/graph.js';
import { CellBuilder } from './cell-builder.js';
import { channelCount } from './conv.js';

export interface CellStemBlock {
  readonly outChannels: number;
  /** true: an eighth of the size, handing on [at a quarter, at an eighth] as the two states. */
  readonly downsample: boolean;
}

export const cellStemSchema = z.strictObject({ outChannels: channelCount, downsample: z.boolean() });

/** x [H, W, C] -> one map [H, W, outChannels], or [H/4, W/4, outChannels] and [H/8, W/8, outChannels] */
export function lowerCellStem(
  builder: GraphBuilder,
  id: string,
  block: CellStemBlock,
  x: TensorId,
): readonly TensorId[] {
  const stem = new CellBuilder(builder, id);
  const { outChannels, downsample } = block;
  const convNorm = (name: string, filters: number, stride: number, input: TensorId) =>
    stem.norm(`${name}-norm`, stem.conv(`${name}-conv`, filters, [3, 3], [stride, stride], input));
  if (!downsample) return [convNorm('0', outChannels, 1, x)];
  const half = stem.relu('0-relu', convNorm('0', Math.ceil(outChannels / 2), 2, x));
  const quarter = convNorm('1', outChannels, 2, half);
  return [quarter, convNorm('2', outChannels, 2, stem.relu('1-relu', quarter))];
}
