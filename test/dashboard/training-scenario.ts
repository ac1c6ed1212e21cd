/** A study that trains the scenario's network by a pipeline of four stages. */

import { planView } from '@bespoke/cloud/search/pipeline-telling.js';
import type { StudyDetail } from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import { planOf, stepOf } from '../support/pipeline.js';
import { budgetMs, finishedStudy, network, study, trainPoint } from './scenario.js';

const planned = planOf(network, { schedule: 'gpipe', remat: 'except-last', microBatchCount: 8 }, [4, 9, 13]);

export const plan: PipelinePlanView = planView(network, planned, 128e6);
export const step = (number: number): PipelineStepView => stepOf(planned, number);

/** After the first `count` steps. */
export function trainingStudy(count: number): StudyDetail {
  return {
    ...finishedStudy,
    status: 'running',
    phase: 'train',
    progress: count / 400,
    remainingMs: 700 * (400 - count),
    budgetMs,
    result: null,
    trainPoints: Array.from({ length: count / 4 }, (_, index) => trainPoint(4 * index + 4)),
    pipeline: { plan, step: count > 0 ? step(count) : null },
    specYaml: `${study.specYaml}train:\n  pipeline: { stages: 4 }\n`,
  };
}
