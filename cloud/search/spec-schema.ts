/** The keys of a study's specification, with their bounds and defaults. */
import { runtimeNames } from '@bespoke/shared/latency/table.js';
import { z } from 'zod';
import { withPreset } from '../train/preset.js';
import { recipePresets } from '../train/recipe-presets.js';
import { basicFields, recipeFieldsSchema } from '../train/recipe-schema.js';
import { cellSettingsSchema } from './eeea/cell-presets.js';
import { evolutionPresetNames, withEvolutionPreset } from './eeea/evolution-presets.js';
import { latencyMixes, objectiveNames } from './eeea/objective.js';
import { evolutionModes } from './eeea/optimizer.js';
import { pipelineSchema } from './pipeline-keys.js';
import { spaceSettingsSchema } from './presets.js';
import { latencyLossKinds } from './proxyless/latency-loss.js';

const steps = z.number().int().min(1).max(10_000_000);
const share = z.number().gt(0).lt(1);

const searchSchema = z.strictObject({
  mode: z.enum(['two', 'full']).default('full'),
  /** Weight steps, warm-up included; null: planned from `minutes`. */
  steps: steps.nullable().default(null),
  /** null: 3 of 10 steps. */
  warmupSteps: z.number().int().min(0).nullable().default(null),
  /** Of the time that is left for search and training; without meaning where `steps` is given. */
  timeShare: share.default(0.4),
  architectureEvery: z.number().int().min(1).max(1000).default(4),
  /** null: so that the architecture parameters can travel as far as they need in the steps that there are. */
  architectureLearningRate: z.number().positive().max(1).nullable().default(null),
  /** Candidates of a slot share weights; false: each has its own, as in the paper. */
  shareWeights: z.boolean().default(true),
  latencyLoss: z
    .strictObject({
      kind: z.enum(latencyLossKinds).default('lagrangian'),
      /** Of `lagrangian`. */
      damping: z.number().positive().max(1000).default(4),
      /** Of `lagrangian`. */
      ascent: z.number().positive().max(1000).default(0.1),
      /** Of `hinge` and `linear`; the reference's value. */
      weight: z.number().min(0).max(1000).default(0.1),
    })
    .prefault({}),
  leastBudgetShare: z.number().min(0).max(1).default(0.8),
  ...basicFields({ learningRate: 0.05, labelSmoothing: 0, cropPaddingPixels: 2 }),
});

export const evolutionSchema = z.strictObject({
  /** What the keys are that are not given. */
  preset: z.enum(evolutionPresetNames).default('default'),
  /**
   * Id of a finished study that evolved the same space with the same trainings: its individuals are judged anew, by this study's devices, budgets and objectives, and nothing
   * is trained in the search. null: it evolves.
   */
  archiveOf: z.string().min(1).max(100).nullable().default(null),
  /** A preset's name, or a preset with what differs from it; null: chains of `space` are evolved. */
  cells: z
    .preprocess((value) => (typeof value === 'string' ? { preset: value } : value), cellSettingsSchema.nullable())
    .prefault('cells'),
  /** Individuals that are kept, and in generational mode the offspring of one generation. */
  population: z.number().int().min(4).max(1000).default(20),
  /** null: planned from `minutes`. */
  evaluations: z.number().int().min(4).max(1_000_000).nullable().default(null),
  /** `generational`: same seed, same archive; `steady`: no worker waits for another; `reference`: the authors' algorithm. */
  mode: z.enum(evolutionModes).default('generational'),
  objectives: z
    .array(z.enum(objectiveNames))
    .min(2)
    .max(4)
    .refine((names) => new Set(names).size === names.length, 'expected each objective once')
    .default(['error', 'latency', 'params']),
  /** Other devices that the network is for, beside that of the study; on the same runtime with the same threads. */
  alsoOn: z
    .array(
      z.strictObject({
        /** Name or id. */
        device: z.string().min(1).max(200),
        /** null: as of the study, `budgetFraction` of that device's own latencies. */
        budgetMs: z.number().positive().max(1e6).nullable().default(null),
        /** In a weighted mean, that of the study's device being 1. */
        weight: z.number().positive().max(1000).default(1),
      }),
    )
    .max(15)
    .default([]),
  /** Of several devices: an objective each, or one in all, of their shares of their budgets. */
  latencyOver: z.enum(latencyMixes).default('each'),
  crossoverProbability: z.number().min(0).max(1).default(0.9),
  /** Groups of genes (an op with what it reads) that mutate in an offspring, on average. */
  mutatedGroups: z.number().positive().max(100).default(1),
  /** Offspring bred for each that is trained; the most promising goes on. 1: no choice, as in the paper. */
  candidates: z.number().int().min(1).max(1000).default(10),
  /** Early exits, for the first population and for offspring. */
  gates: z
    .strictObject({
      /** Fewer parameters than this. */
      params: z.number().int().positive().nullable().default(null),
      /** Where `params` is not given: as many as this share of the space's networks stays below; null for none. */
      paramsQuantile: share.nullable().default(null),
      /** Predicted latency, its error allowed for, within the budget. */
      latency: z.boolean().default(true),
      /** Does not begin a training where the untrained network scores less than this share of those before that cost no more; null for none. */
      zeroCostQuantile: share.nullable().default(null),
      /** Ends a training at a third of its steps where it is less accurate there than this share of those before that cost no more; null for none. */
      curveQuantile: share.nullable().default(null),
    })
    .prefault({}),
  /** How an individual is trained, to be judged on split `search`. */
  evaluation: z
    .strictObject({
      steps: steps.default(300),
      /** Begins with the weights of a parent, where names and shapes agree. What is learnt so is known in this study alone. */
      inherit: z.boolean().default(false),
      ...basicFields({ learningRate: 0.05, labelSmoothing: 0, cropPaddingPixels: 2 }),
    })
    .prefault({}),
  /** Individuals trained at once, each in a process of its own. */
  workers: z.number().int().min(1).max(64).default(1),
  /** Of the time that is left for search and training. */
  timeShare: share.default(0.6),
});

/** Of mode `reference`: a tenth of it are parents, and a pair is two. */
const leastReferencePopulation = 20;

export const methodNames = ['proxyless', 'eeea'] as const;
export type MethodName = (typeof methodNames)[number];

/** How the winner is trained: a recipe, and whether through a pipeline. */
const trainSchema = z.preprocess(
  (value) => withPreset(recipePresets, value),
  recipeFieldsSchema.extend({
    /** null: one process. */
    pipeline: pipelineSchema.nullable().default(null),
  }),
);

/** What a specification may say, each key with its default. */
export const specSchema = z
  .strictObject({
    version: z.literal(1),
    /** ProxylessNAS by gradients, or EEEA-Net by evolution. */
    method: z.enum(methodNames).default('proxyless'),
    name: z.string().min(1).max(100).default('study'),
    /** Name or id of the device; null where only one is connected. */
    device: z.string().min(1).max(200).nullable().default(null),
    data: z
      .strictObject({
        /** A path, or `cifar10`, `cifar100`, `synthetic`. */
        source: z.string().min(1).default('synthetic'),
        /** Resize every image to this height and width; null: as they are. */
        resolution: z.number().int().min(8).max(1024).nullable().default(null),
        searchShare: share.default(0.1),
        testShare: share.default(0.2),
      })
      .prefault({}),
    /** A preset's name, or a preset with what differs from it. */
    space: z
      .preprocess((value) => (typeof value === 'string' ? { preset: value } : value), spaceSettingsSchema)
      .prefault('small'),
    budgetMs: z.number().positive().max(1e6).nullable().default(null),
    /** Where `budgetMs` is not given: 0 is the latency of the fastest network of the space, 1 that of the slowest, in equal factors between; 0.5 if absent, too. */
    budgetFraction: z.number().min(0).max(1).nullable().default(null),
    /** For the whole study; null where the steps are given. */
    minutes: z.number().positive().max(100_000).nullable().default(null),
    /** Of `proxyless`. */
    search: searchSchema.prefault({}),
    /** Of `eeea`. */
    evolution: z.preprocess(withEvolutionPreset, evolutionSchema).prefault({}),
    train: trainSchema.prefault({}),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(0),
    /** What measures on the device; of its delegates, the first that the device offers. */
    runtime: z.enum(runtimeNames).default('tflite'),
    /** Threads of the runtime on the device. */
    threads: z.number().int().min(1).max(256).default(1),
    backend: z.enum(['auto', 'tensorflow', 'wasm']).default('auto'),
  })
  .refine(({ budgetMs, budgetFraction }) => budgetMs === null || budgetFraction === null, {
    message: 'expected either budgetMs or budgetFraction, but got both',
    path: ['budgetFraction'],
  })
  .refine(({ search }) => (search.warmupSteps ?? 0) < (search.steps ?? Number.POSITIVE_INFINITY), {
    message: 'expected fewer warm-up steps than steps',
    path: ['search', 'warmupSteps'],
  })
  .refine(
    ({ train: { pipeline, batchSize } }) =>
      typeof pipeline?.microBatches !== 'number' || pipeline.microBatches <= batchSize,
    {
      message: 'expected no more micro-batches than the samples of a batch',
      path: ['train', 'pipeline', 'microBatches'],
    },
  )
  .refine(({ evolution }) => axisCount(evolution) <= 4, {
    message: 'expected four objectives at most; with `latencyOver: max` or `weighted` several devices are one',
    path: ['evolution', 'objectives'],
  })
  .refine(
    ({ evolution: { mode, gates } }) =>
      mode !== 'reference' || (gates.curveQuantile ?? gates.zeroCostQuantile) === null,
    {
      message:
        'expected no curveQuantile and no zeroCostQuantile: the generations of mode `reference` overlap, so there is none before to compare with',
      path: ['evolution', 'gates'],
    },
  )
  .refine(({ evolution: { mode, population } }) => mode !== 'reference' || population >= leastReferencePopulation, {
    message: `expected ${leastReferencePopulation} or more in mode \`reference\`, of which a tenth lives on and breeds`,
    path: ['evolution', 'population'],
  })
  .refine(({ space }) => space.preset !== 'custom' || space.stages !== undefined, {
    message: 'expected "stages" in a custom space',
    path: ['space'],
  });

/** Coordinates of the front. */
function axisCount({ objectives, alsoOn, latencyOver }: z.output<typeof evolutionSchema>): number {
  const perDevice = latencyOver === 'each' && objectives.includes('latency') ? alsoOn.length : 0;
  return objectives.length + perDevice;
}
