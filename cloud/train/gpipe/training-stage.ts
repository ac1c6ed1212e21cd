/** The module of a training's stages (StageModule): each opens its own tfjs backend, and takes its partition and its data by itself. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { type Network, parseNetwork } from '@bespoke/shared/network/network.js';
import { z } from 'zod';
import { readPacked } from '../data/packed.js';
import type { TrainRecipe } from '../recipe.js';
import { openBackend } from '../tfjs/backend.js';
import { partitionNetwork } from './partition-graph.js';
import type { StageProgram } from './remote/hosted-stage.js';
import type { Remat } from './schedule.js';
import { Stage } from './stage.js';
import type { StageRunner } from './stage-runner.js';

/** JSON. All stages of a pipeline are given the same, but for `stage`. */
export interface TrainingStageOptions {
  readonly network: Network;
  /** Where partitions begin, as `partitionNetwork` takes them. */
  readonly cuts: readonly number[];
  /** Which partition this is, 0 for the first. */
  readonly stage: number;
  readonly recipe: TrainRecipe;
  /** Of a packed data set. */
  readonly dataDirectory: string;
  /** How many samples each micro-batch has; they add up to `recipe.batchSize`. */
  readonly microBatchSizes: readonly number[];
  readonly remat: Remat;
}

/** What `StageLaunch.module` names. */
export const trainingStageModule = import.meta.url;

/** Throws `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`, `DATA_PACKED_INVALID`. */
export async function openStage(options: unknown): Promise<StageRunner> {
  const { network, cuts, stage, dataDirectory, ...rest } = options as TrainingStageOptions;
  const graph = partitionNetwork(network, cuts)[stage]!;
  const [{ tf }, data] = [await openBackend(), await readPacked(dataDirectory)];
  return new Stage(tf, { ...rest, graph, data, isFirst: stage === 0, isLast: stage === cuts.length });
}

const whole = z.number().int().min(0);
const optionsSchema = z.strictObject({
  network: z.unknown(),
  cuts: z.array(whole).max(255),
  stage: whole,
  /** What else it says are numbers to compute with: they allocate nothing and name no file. */
  recipe: z.looseObject({ batchSize: whole.min(1).max(65_536) }),
  dataDirectory: z.string().min(1),
  microBatchSizes: z.array(whole.min(1)).min(1).max(65_536),
  remat: z.enum(['none', 'except-last', 'always']),
});

/** The only thing that a training host runs. */
export const trainingProgram: StageProgram = {
  module: trainingStageModule,
  /** Throws `MESSAGE_INVALID`, `NETWORK_ILLEGAL`. */
  parseOptions(json): TrainingStageOptions {
    const result = optionsSchema.safeParse(json);
    if (result.success) {
      const { network, recipe, ...rest } = result.data;
      return { ...rest, network: parseNetwork(network), recipe: recipe as object as TrainRecipe };
    }
    const { path, message } = result.error.issues[0]!;
    throw new AppError('MESSAGE_INVALID', { path: `options ${formatPath(path)}`, problem: message });
  },
};
