/**
 * Objectives of an evolution: what a network is judged by, each to be as small as can be; any two to four of the table's rows.
 *
 * Latency is asked of every device of the study. Where there are several, they are one objective each, or one in all: the greatest, or the weighted mean,
 * of their shares of their budgets, so that a slow device does not outweigh a fast one by being slow.
 */
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countPeakBytes } from '@bespoke/shared/cost/memory.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { graphOf } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { GeneSpace, Genes } from './gene-space.js';

export const objectiveNames = ['error', 'latency', 'params', 'macs', 'memory'] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

export const latencyMixes = ['each', 'max', 'weighted'] as const;
export type LatencyMix = (typeof latencyMixes)[number];

/** A device that latency is asked of. */
export interface TargetDevice {
  readonly name: string;
  /** What 1 is in a mix. */
  readonly budgetMs: number;
  /** In a weighted mix, relative to the others'. */
  readonly weight: number;
}

/** What is known of an individual. */
export interface Facts {
  readonly genes: Genes;
  /** On split search, 0..1. */
  readonly accuracy: number;
  /** On each target device, in ms: measured where it was, else predicted. */
  readonly latenciesMs: readonly number[];
}

/** One coordinate of the front. */
export interface Objective {
  readonly name: string;
  readonly unit: 'share' | 'ms' | 'count' | 'bytes';
  /** What it may reach at most; null where anything is allowed. */
  readonly limit: number | null;
  of(facts: Facts): number;
}

interface Setting {
  readonly space: GeneSpace;
  readonly devices: readonly TargetDevice[];
  readonly mix: LatencyMix;
  readonly limits: Limits;
}

/** What individuals are held to. */
export interface Limits {
  /** The budgets of the devices. */
  readonly latency: boolean;
  /** null: any number. */
  readonly paramsBelow: number | null;
}

const rows: { readonly [N in ObjectiveName]: (setting: Setting) => readonly Objective[] } = {
  error: () => [{ name: 'error', unit: 'share', limit: null, of: ({ accuracy }) => 1 - accuracy }],
  latency: ({ devices, mix, limits }) => mixes[mix](devices, limits.latency),
  params: ({ space, limits }) => [
    { name: 'params', unit: 'count', limit: limits.paramsBelow, of: ofGenes(paramsOf(space)) },
  ],
  macs: ({ space }) => [{ name: 'macs', unit: 'count', limit: null, of: ofGenes(macsOf(space)) }],
  memory: ({ space }) => [
    {
      name: 'memory',
      unit: 'bytes',
      limit: null,
      of: ofGenes((genes) => countPeakBytes(lower(space.decode(genes)))),
    },
  ],
};

type MixRow = (devices: readonly TargetDevice[], isLimited: boolean) => readonly Objective[];
const mixes: { readonly [M in LatencyMix]: MixRow } = {
  each: (devices, isLimited) =>
    devices.map(({ name, budgetMs }, device) => ({
      name: devices.length === 1 ? 'latency' : `latency on ${name}`,
      unit: 'ms',
      limit: isLimited ? budgetMs : null,
      of: ({ latenciesMs }) => latenciesMs[device]!,
    })),
  max: (devices, isLimited) => [
    {
      name: 'greatest latency',
      unit: 'share',
      limit: isLimited ? 1 : null,
      of: ({ latenciesMs }) => Math.max(...shares(devices, latenciesMs)),
    },
  ],
  weighted: (devices) => {
    const total = devices.reduce((sum, { weight }) => sum + weight, 0);
    const of = ({ latenciesMs }: Facts) =>
      shares(devices, latenciesMs).reduce((sum, share, device) => sum + devices[device]!.weight * share, 0) / total;
    return [{ name: 'mean latency', unit: 'share', limit: null, of }];
  },
};

function shares(devices: readonly TargetDevice[], latenciesMs: readonly number[]): number[] {
  return devices.map(({ budgetMs }, device) => latenciesMs[device]! / budgetMs);
}

function ofGenes(cost: (genes: Genes) => number): (facts: Facts) => number {
  return ({ genes }) => cost(genes);
}

/** Parameters of the training Graph, batch norm's scale and shift included. */
export function paramsOf(space: GeneSpace): (genes: Genes) => number {
  return space.additive((piece) => countParams(graphOf(piece)));
}

/** Of convolutions and dense layers, for one sample. */
export function macsOf(space: GeneSpace): (genes: Genes) => number {
  return space.additive((piece) => countMacs(graphOf(piece)));
}

/** The coordinates of the front, in the order of `names`. */
export function objectivesOf(names: readonly ObjectiveName[], setting: Setting): Objective[] {
  return names.flatMap((name) => rows[name](setting));
}
