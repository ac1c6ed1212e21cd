/** What a user says of a pipeline, and what a pipelined training tells of itself. */
import type { PipelinePlanView } from '@bespoke/shared/protocol/pipeline.js';
import type { TrainHooks, TrainProgress } from '../engine.js';
import type { StagePlace } from './hosts.js';
import type { PipelinePlan } from './planner.js';
import type { Remat, ScheduleChoice } from './schedule.js';
import type { TraceEvent } from './stage-messages.js';
import type { Fault } from './supervisor.js';

export interface PipelineSettings {
  /** K. */
  readonly stageCount: number;
  /** M; `auto`: the one with the shortest predicted step. */
  readonly microBatchCount: number | 'auto';
  readonly schedule: ScheduleChoice;
  readonly remat: Remat;
  /** Of one partition, as memory.ts counts; null for none. */
  readonly memoryCapBytes: number | null;
  /** Of each stage; null: the processors dealt out to the stages, one at least. */
  readonly threadCount: number | null;
  /** One per stage; all stages are on this machine where absent. */
  readonly places?: readonly StagePlace[];
}

/** The plan that a training runs by. */
export interface PlannedPipeline extends PipelinePlan {
  /** Why there is a new one. */
  readonly reason: PipelinePlanView['reason'];
  /** Where partitions begin, as `partitionNetwork` takes them. */
  readonly cuts: readonly number[];
  readonly microBatchSizes: readonly number[];
}

export interface PipelineStep extends TrainProgress {
  /** From the first start to the last end of the step's operations. */
  readonly stepMs: number;
  /** Of all stages: operations and transfers of this step. */
  readonly trace: readonly TraceEvent[];
}

export interface PipelineHooks extends Pick<TrainHooks, 'checkpointEveryMs' | 'signal' | 'stop'> {
  /** Where checkpoints and the plan lie: a later call with the same network, data and recipe goes on from there, also with another K, schedule or remat. */
  readonly checkpointDirectory: string;
  /** So much of the measuring before the first plan is done, 0..1. */
  onProfile?(share: number): void;
  onPlan?(plan: PlannedPipeline): void;
  onStep?(step: PipelineStep): void;
  onFault?(fault: Fault): void;
  /** A sentence for the user: a way that is predicted to be faster, a prediction that was off, a damaged checkpoint. */
  onNotice?(line: string): void;
}
