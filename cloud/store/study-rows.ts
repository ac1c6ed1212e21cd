/** Rows of the table of studies, and how they read. */
import type { StoppablePhase, StudyPhase, StudyResult, StudyStatus, StudyView } from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView, PipelineView } from '@bespoke/shared/protocol/pipeline.js';

export interface StudyRow {
  id: string;
  name: string;
  device_id: string;
  spec_yaml: string;
  created: string;
  status: StudyStatus;
  phase: StudyPhase;
  progress: number;
  remaining_ms: number | null;
  engine: string | null;
  budget_ms: number | null;
  error: string | null;
  result: string | null;
  slots: string;
  probabilities: string;
  network: string | null;
  model_sha256: string | null;
  evolution: string | null;
  refused_counts: string;
  paused_at: string | null;
  paused_ms: number;
  pipeline_plan: string | null;
  pipeline_step: string | null;
  stopping_phase: StoppablePhase | null;
}

export type PointKind = 'search' | 'train';

export function pipelineOf({ pipeline_plan, pipeline_step }: StudyRow): PipelineView | null {
  if (pipeline_plan === null) return null;
  const step = pipeline_step === null ? null : (JSON.parse(pipeline_step) as PipelineStepView);
  return { plan: JSON.parse(pipeline_plan) as PipelinePlanView, step };
}

export function toView(row: StudyRow): StudyView {
  return {
    id: row.id,
    name: row.name,
    deviceId: row.device_id,
    createdAt: row.created,
    status: row.status === 'running' && row.paused_at !== null ? 'paused' : row.status,
    phase: row.phase,
    progress: row.progress,
    remainingMs: row.remaining_ms,
    engine: row.engine,
    budgetMs: row.budget_ms,
    error: row.error,
    result: row.result === null ? null : (JSON.parse(row.result) as StudyResult),
  };
}
