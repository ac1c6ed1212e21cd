/**
 * Spaces of MBConv blocks for small images: presets, and the settings by which people write their own.
 *
 *   stem conv 3x3 ─▶ stage 1: depth slots ─▶ stage 2 ─▶ … ─▶ feature mix conv 1x1 ─▶ head
 *
 * Each slot holds MBConv with every kernel size and expansion; the first of a stage has its stride and width, those
 * after it also hold Zero (identity), so the depth is searched, too (ProxylessNAS §4.2; Zero is legal where stride is 1
 * and the channels stay).
 */
import type { Block } from '@bespoke/shared/network/block.js';
import { activationOrNone, channelCount, kernelSize, stride } from '@bespoke/shared/network/conv.js';
import { mbconvSchema } from '@bespoke/shared/network/mbconv.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { z } from 'zod';
import type { SearchSpace, Slot } from './space.js';

export const stageSchema = z.strictObject({
  width: channelCount,
  depth: z.number().int().min(1).max(50),
  /** Of the stage's first block; null: 1 up to 48 pixels, above them 2. */
  stride: stride.nullable(),
});

const distinct = (values: readonly number[]) => new Set(values).size === values.length;
const fullSchema = z.strictObject({
  /** Width of the stem convolution. */
  stemWidth: channelCount,
  /** null: 2 up to 96 pixels, then 4. */
  stemStride: stride.nullable(),
  stages: z.array(stageSchema).min(1).max(20),
  kernelSizes: z.array(kernelSize).min(1).max(7).refine(distinct, 'expected each kernel size once'),
  expandRatios: z.array(mbconvSchema.shape.expandRatio).min(1).max(6).refine(distinct, 'expected each expansion once'),
  /** Whether slots may be empty where that is legal. */
  zero: z.boolean(),
  activation: mbconvSchema.shape.activation,
  squeezeExcite: z.boolean(),
  /** Width of the 1x1 convolution before the pool; null for none. */
  featureWidth: channelCount.nullable(),
  featureActivation: activationOrNone,
});

/** All that says what an MBConv space is, apart from the data set's shape. */
export type MBConvSpaceSettings = z.infer<typeof fullSchema>;

const common = {
  stemStride: null,
  kernelSizes: [3, 5, 7],
  expandRatios: [3, 6],
  zero: true,
  activation: 'relu6',
  squeezeExcite: false,
  featureActivation: 'relu6',
} as const satisfies Partial<Record<keyof MBConvSpaceSettings, unknown>>;

export const presetNames = ['small', 'mobile-small', 'custom'] as const;
export type PresetName = (typeof presetNames)[number];

/**
 * `small` is sized for a search of minutes on two cores: at 32x32 its networks average 10 M MACs. `mobile-small` is wider
 * and deeper, for a search of an hour. `custom` takes the user's stages.
 *
 * It is the stem that halves small images, not the first stage: a first block that expands at full resolution takes half of
 * a training step and adds a tenth of the MACs.
 */
const presets: { readonly [P in PresetName]: MBConvSpaceSettings } = {
  small: settings(16, 160, [
    [24, 3, null],
    [40, 3, 2],
    [80, 3, 2],
  ]),
  'mobile-small': settings(24, 320, [
    [32, 3, null],
    [56, 4, 2],
    [112, 4, 2],
  ]),
  custom: settings(16, null, []),
};

function settings(
  stemWidth: number,
  featureWidth: number | null,
  stages: readonly [width: number, depth: number, stride: number | null][],
): MBConvSpaceSettings {
  return {
    ...common,
    kernelSizes: [...common.kernelSizes],
    expandRatios: [...common.expandRatios],
    stemWidth,
    featureWidth,
    stages: stages.map(([width, depth, stride]) => ({ width, depth, stride })),
  };
}

/** How a study's YAML says its space: a preset and what differs from it. */
export const spaceSettingsSchema = fullSchema.partial().extend({ preset: z.enum(presetNames) });
export type SpaceSettings = z.infer<typeof spaceSettingsSchema>;

/** A preset with every setting filled in; `custom` needs `stages`. */
export function resolveSpace(input: SpaceSettings): { preset: PresetName } & MBConvSpaceSettings {
  return { ...presets[input.preset], ...input };
}

/** What a space takes from its data set: manifest of a PackedDataset, or the same three sizes and the classes. */
export interface DatasetShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: { readonly length: number };
}

/** The space of these settings for this data set's resolution, channels and classes. */
export function buildSpace(input: SpaceSettings, data: DatasetShape): SearchSpace {
  const settings = resolveSpace(input);
  const { stemWidth, featureWidth, activation, featureActivation } = settings;
  const pixels = Math.max(data.height, data.width);
  const stemStride = settings.stemStride ?? (pixels <= 96 ? 2 : 4);
  const stem = fixed('stem', { kind: 'conv', outChannels: stemWidth, kernelSize: 3, stride: stemStride, activation });
  const features =
    featureWidth === null
      ? []
      : [
          fixed('features', {
            kind: 'conv',
            outChannels: featureWidth,
            kernelSize: 1,
            stride: 1,
            activation: featureActivation,
          }),
        ];
  const head = fixed('head', { kind: 'head', classes: data.classes.length });
  const network: Network['input'] = { height: data.height, width: data.width, channels: data.channels };
  return { name: settings.preset, input: network, slots: [stem, ...stageSlots(settings, pixels), ...features, head] };
}

function stageSlots(settings: MBConvSpaceSettings, pixels: number): Slot[] {
  let inChannels = settings.stemWidth;
  return settings.stages.flatMap(({ width, depth, stride: stageStride }, stage) =>
    Array.from({ length: depth }, (_, position) => {
      const stride = position > 0 ? 1 : (stageStride ?? (pixels <= 48 ? 1 : 2));
      const slot = mbconvSlot(`stage${stage + 1}-${position + 1}`, inChannels, width, stride, settings);
      inChannels = width;
      return slot;
    }),
  );
}

/** Every kernel size with every expansion, and Zero where nothing changes. */
function mbconvSlot(
  id: string,
  inChannels: number,
  outChannels: number,
  stride: number,
  settings: MBConvSpaceSettings,
): Slot {
  const { kernelSizes, expandRatios, activation, squeezeExcite } = settings;
  const candidates: Block[] = expandRatios.flatMap((expandRatio) =>
    kernelSizes.map((kernelSize): Block => {
      const name = `${id}.k${kernelSize}-e${expandRatio}`;
      return { kind: 'mbconv', id: name, outChannels, kernelSize, stride, expandRatio, activation, squeezeExcite };
    }),
  );
  const zeroIsLegal = stride === 1 && inChannels === outChannels;
  if (settings.zero && zeroIsLegal) candidates.push({ kind: 'identity', id: `${id}.skip` });
  return { id, candidates };
}

function fixed(id: string, body: Omit<Block<'conv'>, 'id'> | Omit<Block<'head'>, 'id'>): Slot {
  return { id, candidates: [{ ...body, id: `${id}.${body.kind}` } as Block] };
}
