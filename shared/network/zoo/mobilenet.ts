/** MobileNetV2 1.0 (arXiv 1801.04381) and the MobileNetV3-like subnets of once-for-all that EEEA-Net-C1 and -C2 are (arXiv 2108.06156 §4.2). */
import type { Block } from '../block.js';
import type { MBConvBlock } from '../mbconv.js';
import type { Network } from '../network.js';

/** [expandRatio, width, depth, stride of the first] */
const v2Stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export function mobileNetV2(name: string, classes: number, resolution: number): Network {
  const body = v2Stages.flatMap(([expandRatio, outChannels, depth, stride], stage) =>
    Array.from({ length: depth }, (_, index): Block => {
      const shape = { outChannels, kernelSize: 3, stride: index === 0 ? stride : 1, expandRatio };
      return {
        kind: 'mbconv',
        id: `stage${stage + 1}-${index + 1}`,
        ...shape,
        activation: 'relu6',
        squeezeExcite: false,
      };
    }),
  );
  return {
    version: 1,
    name,
    input: { height: resolution, width: resolution, channels: 3 },
    blocks: [
      { kind: 'conv', id: 'stem', outChannels: 32, kernelSize: 3, stride: 2, activation: 'relu6' },
      ...body,
      { kind: 'conv', id: 'feature-mix', outChannels: 1280, kernelSize: 1, stride: 1, activation: 'relu6' },
      { kind: 'head', id: 'head', classes },
    ],
  };
}

/** A subnet of once-for-all's MobileNetV3 supernet, width 1.0. */
export interface OfaSubnet {
  /** One per block. */
  readonly kernelSizes: readonly number[];
  /** One per block. */
  readonly expandRatios: readonly number[];
  /** One per stage. */
  readonly depths: readonly number[];
}

export const ofaSubnets = {
  'eeea-c1': {
    kernelSizes: [3, 5, 7, 5, 7, 7, 5, 3, 7, 3, 3, 7],
    expandRatios: [3, 3, 3, 3, 3, 4, 4, 4, 6, 4, 6, 3],
    depths: [2, 2, 2, 2, 4],
  },
  'eeea-c2': {
    kernelSizes: [3, 5, 3, 7, 3, 7, 5, 7, 5, 3, 7, 5, 3, 3, 5, 3, 5, 7],
    expandRatios: [3, 4, 3, 4, 3, 3, 6, 6, 3, 3, 6, 4, 3, 3, 6, 6, 6, 3],
    depths: [3, 3, 4, 4, 4],
  },
} as const satisfies { readonly [name: string]: OfaSubnet };

type OfaStage = Pick<MBConvBlock, 'outChannels' | 'stride' | 'activation' | 'squeezeExcite'>;
const ofaStages: readonly OfaStage[] = [
  { outChannels: 24, stride: 2, activation: 'relu', squeezeExcite: false },
  { outChannels: 40, stride: 2, activation: 'relu', squeezeExcite: true },
  { outChannels: 80, stride: 2, activation: 'hardSwish', squeezeExcite: false },
  { outChannels: 112, stride: 1, activation: 'hardSwish', squeezeExcite: true },
  { outChannels: 160, stride: 2, activation: 'hardSwish', squeezeExcite: true },
];
const ofaFirst = {
  outChannels: 16,
  kernelSize: 3,
  stride: 1,
  expandRatio: 1,
  activation: 'relu',
  squeezeExcite: false,
} as const;

export function ofaNetwork(name: string, subnet: OfaSubnet, classes: number, resolution: number): Network {
  let next = 0;
  const body = ofaStages.flatMap((stage, stageIndex) =>
    Array.from({ length: subnet.depths[stageIndex]! }, (_, index): Block => {
      const [kernelSize, expandRatio] = [subnet.kernelSizes[next]!, subnet.expandRatios[next]!];
      next += 1;
      const id = `stage${stageIndex + 1}-${index + 1}`;
      return { kind: 'mbconv', id, ...stage, stride: index === 0 ? stage.stride : 1, kernelSize, expandRatio };
    }),
  );
  return {
    version: 1,
    name,
    input: { height: resolution, width: resolution, channels: 3 },
    blocks: [
      { kind: 'conv', id: 'stem', outChannels: 16, kernelSize: 3, stride: 2, activation: 'hardSwish' },
      { kind: 'mbconv', id: 'first', ...ofaFirst },
      ...body,
      { kind: 'conv', id: 'feature-mix', outChannels: 960, kernelSize: 1, stride: 1, activation: 'hardSwish' },
      { kind: 'head', id: 'head', classes, hidden: { units: 1280, activation: 'hardSwish' } },
    ],
  };
}
