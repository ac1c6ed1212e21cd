/** Migration 8: what a pipelined training shows of itself; and of a study that is to end a phase with what it has, which phase that is. */
export const pipelines = `
ALTER TABLE studies ADD COLUMN pipeline_plan TEXT;         -- JSON: PipelinePlanView; null where the study trains in one process
ALTER TABLE studies ADD COLUMN pipeline_step TEXT;         -- JSON: PipelineStepView, the last that was told
ALTER TABLE studies ADD COLUMN stopping_phase TEXT;        -- 'search' or 'train': is to end with what it has; null for none
UPDATE studies SET stopping_phase = 'search' WHERE stopping = 1;
ALTER TABLE studies DROP COLUMN stopping;
`;
