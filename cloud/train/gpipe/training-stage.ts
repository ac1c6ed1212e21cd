/** The module of a training's stages (StageModule): each opens its own tfjs backend, and takes its partition and its data by itself. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { type Network, parseNetwork } from '@bespoke/shared/network/network.js';
import { z } from 'zod';
import { readPacked } from '../data/packed.js';
import type { TrainRecipe } from '../recipe.js';
import { type BackendName, openBackend } from '../tfjs/backend.js';
import { partitionNetwork } from './partition-graph.js';
import type { StageProgram } from './remote/hosted-stage.js';
import { type Remat, remats } from './schedule.js';
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
  /** The same for all stages: another one computes other bits. The best that works here where absent. */
  readonly backend?: BackendName;
  /** Of a packed data set. */
  readonly dataDirectory: string;
  /** How many samples each micro-batch has; they add up to `recipe.batchSize`. */
  readonly microBatchSizes: readonly number[];
  readonly remat: Remat;
}

/** What `StageLaunch.module` names. */
export const trainingStageModule = import.meta.url;

/** Throws `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`, `DATA_PACKED_INVALID`, `BACKEND_UNAVAILABLE`. */
export async function openStage(options: unknown): Promise<StageRunner> {
  const { network, cuts, stage, backend, dataDirectory, ...rest } = options as TrainingStageOptions;
  const graph = partitionNetwork(network, cuts, rest.recipe)[stage]!;
  const [{ tf }, data] = [await openBackend(backend), await readPacked(dataDirectory)];
  return new Stage(tf, { ...rest, graph, data, isFirst: stage === 0, isLast: stage === cuts.length });
}

const whole = z.number().int().min(0);
const optionsSchema = z.strictObject({
  network: z.unknown(),
  cuts: z.array(whole).max(255),
  stage: whole,
  /** What else it says are numbers to compute with: they allocate nothing and name no file. */
  recipe: z.looseObject({ batchSize: whole.min(1).max(65_536) }),
  backend: z.enum(['tensorflow', 'wasm']).optional(),
  dataDirectory: z.string().min(1),
  microBatchSizes: z.array(whole.min(1)).min(1).max(65_536),
  remat: z.enum(remats),
});

/** The only thing that a training host runs. */
export const trainingProgram: StageProgram = {
  module: trainingStageModule,
  /** Throws `MESSAGE_INVALID`, `NETWORK_ILLEGAL`. */
  parseOptions(json): TrainingStageOptions {
    const result = optionsSchema.safeParse(json);
    if (result.success) {
      const { network, recipe, backend, ...rest } = result.data;
      return {
        ...rest,
        network: parseNetwork(network),
        recipe: recipe as object as TrainRecipe,
        ...(backend && { backend }),
      };
    }
    const { path, message } = result.error.issues[0]!;
    throw new AppError('MESSAGE_INVALID', { path: `options ${formatPath(path)}`, problem: message });
  },
};
