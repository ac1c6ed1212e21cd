/** ProxylessNAS's published ImageNet networks (arXiv 1812.00332), one table row each. */
import type { Block } from '../block.js';
import type { Network } from '../network.js';

export interface ProxylessRow {
  readonly stemWidth: number;
  readonly firstWidth: number;
  /** Widths of the six stages. */
  readonly widths: readonly number[];
  /** Stages separated by `|`; `6k7` is MBConv with expansion 6 and kernel 7, `-` is Zero. */
  readonly ops: string;
  readonly featureWidth: number;
}

const mobileOps = '3k5 3k3 - - | 3k7 3k3 3k5 3k5 | 6k7 3k5 3k5 3k5 | 6k5 3k5 3k5 3k5 | 6k7 6k7 3k7 3k7 | 6k7';

export const proxylessRows = {
  'proxyless-mobile': {
    stemWidth: 32,
    firstWidth: 16,
    widths: [32, 40, 80, 96, 192, 320],
    ops: mobileOps,
    featureWidth: 1280,
  },
  'proxyless-mobile-14': {
    stemWidth: 48,
    firstWidth: 24,
    widths: [40, 56, 112, 136, 256, 448],
    ops: mobileOps,
    featureWidth: 1792,
  },
  'proxyless-gpu': {
    stemWidth: 40,
    firstWidth: 24,
    widths: [32, 56, 112, 128, 256, 432],
    ops: '3k5 - - - | 3k7 - - 3k3 | 6k7 - - 3k5 | 6k5 - 3k3 3k5 | 6k7 6k7 6k7 6k5 | 6k7',
    featureWidth: 1728,
  },
  'proxyless-cpu': {
    stemWidth: 40,
    firstWidth: 24,
    widths: [32, 48, 88, 104, 216, 360],
    ops: '6k3 3k3 3k3 3k3 | 6k3 3k3 3k3 3k5 | 6k3 - - 3k3 | 6k5 3k3 3k3 3k3 | 6k5 3k5 3k5 3k3 | 6k5',
    featureWidth: 1432,
  },
} as const satisfies { readonly [name: string]: ProxylessRow };

const stageStrides = [2, 2, 2, 1, 2, 1];

/** The Network of one row. */
export function proxyless(name: string, row: ProxylessRow, classes: number, resolution: number): Network {
  const first = {
    outChannels: row.firstWidth,
    kernelSize: 3,
    stride: 1,
    expandRatio: 1,
    activation: 'relu6',
    squeezeExcite: false,
  } as const;
  const stages = row.ops.split(' | ').map((stage) => stage.split(' '));
  const body = stages.flatMap((ops, stage) =>
    ops.map((op, index): Block => {
      const id = `stage${stage + 1}-${index + 1}`;
      if (op === '-') return { kind: 'identity', id };
      const [expandRatio, kernelSize] = op.split('k').map(Number);
      const stride = index === 0 ? stageStrides[stage]! : 1;
      const shape = { outChannels: row.widths[stage]!, kernelSize: kernelSize!, stride, expandRatio: expandRatio! };
      return { kind: 'mbconv', id, ...shape, activation: 'relu6', squeezeExcite: false };
    }),
  );
  return {
    version: 1,
    name,
    input: { height: resolution, width: resolution, channels: 3 },
    blocks: [
      { kind: 'conv', id: 'stem', outChannels: row.stemWidth, kernelSize: 3, stride: 2, activation: 'relu6' },
      { kind: 'mbconv', id: 'first', ...first },
      ...body,
      { kind: 'conv', id: 'feature-mix', outChannels: row.featureWidth, kernelSize: 1, stride: 1, activation: 'relu6' },
      { kind: 'head', id: 'head', classes },
    ],
  };
}
