/**
 * Trainer: a network through a pipeline of processes from its initial weights to its last.
 *
 *   profile ─▶ plan ─▶ plan.json ─▶ open stages ─▶ step, step, … ─▶ last checkpoint ─▶ weights
 *                ▲                      ▲              │ after 20 steps: more than 10% off what was planned, and another cut would be faster
 *                └── corrected costs ◀──┼── checkpoint ◀┘
 *   resumed: plan.json, checkpoint ─────┘   (with K, schedule and remat of the new call)
 *
 * K, schedule, remat and where it is cut change no bit of the result; the number of micro-batches does, where there is batch norm, and stays what it was.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hashJson } from '@bespoke/shared/base/json.js';
import { blocksOf } from '@bespoke/shared/graph/split.js';
import { declareWeights, type Weights } from '@bespoke/shared/graph/weights.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { PackedDataset } from '../data/packed.js';
import { verifyFit } from '../fit.js';
import type { TrainRecipe } from '../recipe.js';
import type { BackendName } from '../tfjs/backend.js';
import { optimizerBytesPerParameter } from '../tfjs/optimizer.js';
import { trainedWeights } from '../tfjs/variables.js';
import { checkCount } from './microbatch.js';
import { partitionNetwork } from './partition-graph.js';
import { dealState, readPipelineCheckpoint, writePipelineCheckpoint } from './pipeline-checkpoint.js';
import type { PipelineHooks, PipelineSettings, PlannedPipeline } from './pipeline-settings.js';
import { foreignCheckpoint, readPlanFile, writePlanFile } from './plan-file.js';
import { isOff, microBatchCounts, type PlanningInput, planTraining, replan, snapshotEvery } from './planning.js';
import { type Profile, profilePipeline } from './profiler.js';
import { pipelineOperations } from './schedule.js';
import { type OperationEvent, summary } from './simulator.js';
import type { LossFigures } from './stage.js';
import { Pipeline } from './supervisor.js';
import { byStage, operationsIn } from './trace.js';
import { type TrainingStageOptions, trainingStageModule } from './training-stage.js';

/** Steps after which prediction and reality are compared; the first are slower, and not among them. */
const [warmupStepCount, comparedStepCount] = [3, 20];
const maxRecuts = 2;
const defaultCheckpointEveryMs = 60_000;

/**
 * Trains `network` on split `train` from the initial weights of `recipe.seed`, or from the checkpoint in `hooks.checkpointDirectory`. An abort writes a checkpoint and throws
 * its reason. Throws `NETWORK_DATA_MISFIT`, `PIPELINE_COUNT_INVALID`, `CHECKPOINT_FOREIGN`, `CHECKPOINT_INVALID`, `PROFILE_FAILED`, `STAGE_FAILED`, `STAGE_LOST`, `HOST_REFUSED`, and what `planPipeline` does.
 */
export async function trainPipelined(
  network: Network,
  data: PackedDataset,
  recipe: TrainRecipe,
  settings: PipelineSettings,
  backend: BackendName,
  hooks: PipelineHooks,
): Promise<Weights> {
  const graph = lower(network);
  verifyFit(graph, data.manifest);
  checkCount('partitions', settings.stageCount, blocksOf(graph).length, 'blocks');
  if (settings.microBatchCount !== 'auto')
    checkCount('micro-batches', settings.microBatchCount, recipe.batchSize, 'samples in a mini-batch');
  const identity = hashJson({ backend, network, recipe, sha256: data.manifest.sha256 });
  return new Training({ network, data, recipe, settings, backend, hooks, identity }).run();
}

interface Course {
  readonly network: Network;
  readonly data: PackedDataset;
  readonly recipe: TrainRecipe;
  readonly settings: PipelineSettings;
  readonly backend: BackendName;
  readonly hooks: PipelineHooks;
  readonly identity: string;
}

/** What a plan was made from, and the plan. */
interface Planned {
  readonly profile: Profile;
  readonly plan: PlannedPipeline;
}

class Training {
  #recutCount = 0;
  #savedAtMs = performance.now();

  constructor(private readonly course: Course) {}

  async run(): Promise<Weights> {
    const { network, hooks, recipe } = this.course;
    let planned = await this.#firstPlan();
    for (;;) {
      const checkpoint = await readPipelineCheckpoint(hooks.checkpointDirectory);
      for (const line of checkpoint?.skipped ?? []) hooks.onNotice?.(line);
      if (checkpoint && checkpoint.identity !== this.#identityOf(planned.plan))
        throw foreignCheckpoint(hooks.checkpointDirectory);
      const isOver = checkpoint?.step === recipe.stepCount || hooks.stop?.aborted;
      if (checkpoint && isOver) return trainedWeights(lower(network), checkpoint.state);
      hooks.onPlan?.(planned.plan);
      planned = await this.#runBy(planned, checkpoint);
    }
  }

  async #firstPlan(): Promise<Planned> {
    const { network, data, backend, hooks, settings, recipe, identity } = this.course;
    const stored = await readPlanFile(hooks.checkpointDirectory, identity, settings);
    if (stored) return { profile: stored.profile, plan: planTraining(this.#planning(), stored.profile, 'resumed') };
    const profile = await profilePipeline(
      { network, recipe, backend, dataDirectory: data.directory },
      {
        threadCounts: threadCountsOf(settings),
        microBatchCounts: microBatchCounts(settings, recipe.batchSize),
        signal: hooks.signal,
        onProgress: hooks.onProfile,
      },
    );
    const plan = planTraining(this.#planning(), profile, 'measured');
    const { microBatchCount } = plan;
    const chosen = profile.candidates.find((candidate) => candidate.microBatchCount === microBatchCount)!;
    const kept: Profile = { ...profile, candidates: [chosen] };
    await writePlanFile(hooks.checkpointDirectory, { version: 1, identity, profile: kept });
    this.#adviseOn(plan);
    return { profile: kept, plan };
  }

  #planning(): PlanningInput {
    const { network, recipe, settings } = this.course;
    return {
      network,
      sampleCount: recipe.batchSize,
      optimizerBytesPerParameter: optimizerBytesPerParameter(recipe),
      settings,
    };
  }

  #adviseOn({ stageCount, stepMs, stepMsBy, fastest }: PlannedPipeline): void {
    if (stageCount === 1 || fastest === 'pipeline') return;
    const [pipelined, other] = [stepMs, stepMsBy[fastest]!].map((ms) => `${ms.toFixed(0)} ms`);
    const ways = { 'one-process': 'one process with all threads', 'data-parallel': 'data parallel training' };
    this.course.hooks.onNotice?.(
      `${ways[fastest]} is predicted to be faster here: ${other} a step instead of ${pipelined}; a pipeline pays where the network does not fit, or over several machines`,
    );
  }

  /** Trains to the end, or to a stop, or until another plan is better; returns the plan to go on by. In any case there is a checkpoint then. */
  async #runBy(planned: Planned, from: { step: number; state: Weights } | undefined): Promise<Planned> {
    const { recipe, hooks } = this.course;
    const { checkpointEveryMs = defaultCheckpointEveryMs } = hooks;
    const pipeline = await this.#open(planned.plan, from);
    const compared: (readonly OperationEvent[])[] = [];
    const firstStep = pipeline.step;
    try {
      while (pipeline.step < recipe.stepCount && !hooks.stop?.aborted) {
        if (hooks.signal?.aborted) {
          await this.#save(pipeline, planned.plan);
          hooks.signal.throwIfAborted();
        }
        const { step, figures, trace } = await pipeline.runStep();
        const events = operationsIn(trace);
        const { stepMs } = summary(byStage(events, planned.plan.stageCount));
        const { lossSum, correctCount } = figures as LossFigures;
        const [loss, accuracy] = [lossSum / recipe.batchSize, correctCount / recipe.batchSize];
        hooks.onStep?.({ step, stepCount: recipe.stepCount, loss, accuracy, stepMs, trace });
        const stepsHere = step - firstStep;
        if (stepsHere > warmupStepCount && compared.length < comparedStepCount) compared.push(events);
        if (stepsHere === warmupStepCount + comparedStepCount) {
          const better = this.#compare(planned, compared);
          if (better) {
            await this.#save(pipeline, planned.plan);
            return better;
          }
        }
        if (performance.now() - this.#savedAtMs >= checkpointEveryMs) await this.#save(pipeline, planned.plan);
      }
      await this.#save(pipeline, planned.plan);
      return planned;
    } finally {
      await pipeline.close();
    }
  }

  /** Holds the plan to the steps that it led to. */
  #compare({ profile, plan }: Planned, steps: readonly (readonly OperationEvent[])[]): Planned | null {
    const measuredMs = median(steps.map((events) => summary(byStage(events, plan.stageCount)).stepMs));
    if (!isOff(plan, measuredMs)) return null;
    const better = this.#recutCount < maxRecuts ? replan(this.#planning(), profile, plan, steps.flat()) : null;
    const found = better
      ? `cut anew, from the present step on: ${better.plan.stepMs.toFixed(0)} ms expected`
      : 'no other cut is predicted to be better';
    this.course.hooks.onNotice?.(
      `a step takes ${measuredMs.toFixed(0)} ms instead of the ${plan.stepMs.toFixed(0)} ms that were predicted: ${found}`,
    );
    if (better) this.#recutCount++;
    return better;
  }

  async #open(plan: PlannedPipeline, from: { step: number; state: Weights } | undefined): Promise<Pipeline> {
    const { network, recipe, backend, settings, hooks, data } = this.course;
    const { cuts, microBatchSizes, remat } = plan;
    const operations = pipelineOperations(plan);
    const slowestMs = Math.max(...plan.partitions.flatMap(({ forwardMs, backwardMs }) => [forwardMs, backwardMs]));
    const stages = threadCountsOf(settings).map((threadCount, stage) => {
      const options: TrainingStageOptions = {
        ...{ network, cuts, stage, recipe, backend, microBatchSizes, remat },
        dataDirectory: data.directory,
      };
      const host = settings.places?.[stage]?.host ?? null;
      return { module: trainingStageModule, options, host, threadCount };
    });
    return Pipeline.open({
      stages,
      directory: join(hooks.checkpointDirectory, 'snapshots'),
      operationsOf: () => operations,
      commitsTogether: recipe.clipNorm !== undefined,
      operationTimeoutMs: Math.ceil(5 * slowestMs) + 10_000,
      snapshotEvery: snapshotEvery(plan),
      ...(from && { from: { step: from.step, paths: await this.#deal(plan, from.state) } }),
      ...(hooks.onFault && { onFault: hooks.onFault }),
    });
  }

  /** The state, a file for each stage. */
  #deal({ cuts, stageCount }: PlannedPipeline, state: Weights): Promise<readonly string[]> {
    const { network, recipe, hooks } = this.course;
    const stageOf = new Map(
      partitionNetwork(network, cuts, recipe).flatMap((graph, stage) =>
        [...declareWeights(graph).keys()].map((name) => [name, stage] as const),
      ),
    );
    const directory = join(hooks.checkpointDirectory, 'start');
    return dealState(directory, state, stageCount, (name) => stageOf.get(name.slice(name.indexOf(':') + 1))!);
  }

  /** Of the state: through batch norm, the number of micro-batches is part of it. */
  #identityOf({ microBatchCount }: PlannedPipeline): string {
    return hashJson([this.course.identity, microBatchCount]);
  }

  async #save(pipeline: Pipeline, plan: PlannedPipeline): Promise<void> {
    const about = { identity: this.#identityOf(plan), step: pipeline.step, stageCount: plan.stageCount };
    await writePipelineCheckpoint(this.course.hooks.checkpointDirectory, about, (paths) => pipeline.save(paths));
    this.#savedAtMs = performance.now();
  }
}

/** Of each stage. */
function threadCountsOf({ threadCount, stageCount, places }: PipelineSettings): readonly number[] {
  const dealt = threadCount ?? Math.max(Math.floor(availableParallelism() / stageCount), 1);
  return Array.from({ length: stageCount }, (_, stage) => places?.[stage]?.threadCount ?? dealt);
}
