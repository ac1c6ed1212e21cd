/**
 * Presets of an evolution: what a specification says by one word, and differs from key by key. `default` is what all keys are by default; `paper` is what the paper's text
 * says (arXiv 2108.06156 §3, §4.1: sizes of EEEA-Net-C), `reference` what the authors' last code does.
 */
import type { z } from 'zod';
import { isRecord, withPreset } from '../../train/preset.js';
import type { evolutionSchema } from '../spec-schema.js';

export const evolutionPresetNames = ['default', 'paper', 'reference'] as const;
export type EvolutionPresetName = (typeof evolutionPresetNames)[number];

type EvolutionInput = z.input<typeof evolutionSchema>;

/** An epoch of CIFAR-10 less its search split, in batches of 128. */
const epochSteps = 352;

const authors: EvolutionInput = {
  population: 40,
  objectives: ['error', 'params', 'macs'],
  candidates: 1,
  gates: { params: 5_000_000, latency: false, curveQuantile: null },
};

const authorsTraining = {
  steps: epochSteps,
  batchSize: 128,
  rampSteps: 0,
  momentum: 0.9,
  augmentation: { cropPaddingPixels: 4, cutoutPixels: 16 },
} as const;

const presets: { readonly [P in EvolutionPresetName]: EvolutionInput } = {
  default: {},
  paper: {
    ...authors,
    cells: 'paper',
    evaluations: 40 * 30,
    crossoverProbability: 1,
    evaluation: { ...authorsTraining, learningRate: 0.05, weightDecay: 3e-4 },
  },
  reference: {
    ...authors,
    cells: 'paper-code',
    mode: 'reference',
    evaluations: 40 + 29 * 36,
    evaluation: { ...authorsTraining, learningRate: 0.025, weightDecay: 5e-4 },
  },
};

/** What `evolution` of a specification says, its preset's keys filled in below its own. What is no preset is left to the schema. */
export function withEvolutionPreset(value: unknown): unknown {
  return withPreset(presets, isRecord(value) ? withoutParams(value) : value);
}

/** A quantile of parameters stands in the place of the preset's number. */
function withoutParams(own: Record<string, unknown>): Record<string, unknown> {
  const { gates } = own;
  const isQuantile = isRecord(gates) && typeof gates.paramsQuantile === 'number' && gates.params === undefined;
  return isQuantile ? { ...own, gates: { ...gates, params: null } } : own;
}
