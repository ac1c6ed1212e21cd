/** What the terminal shows of a pipelined training. */
import { median } from '@bespoke/shared/latency/statistics.js';
import type { PipelineHooks, PlannedPipeline } from '../train/gpipe/pipeline-settings.js';
import type { Progress } from './progress.js';

/** Steps over which the time of a step is a median. */
const recentCount = 50;

export class TrainingProgress {
  #planText = '';
  readonly #recentMs: number[] = [];
  #lastMs = performance.now();

  constructor(private readonly bar: Progress) {}

  /** Median time from step to step, the latest ones; null before the second. */
  get stepMs(): number | null {
    return this.#recentMs.length > 0 ? median(this.#recentMs) : null;
  }

  readonly hooks: Pick<PipelineHooks, 'onProfile' | 'onPlan' | 'onStep' | 'onFault' | 'onNotice'> = {
    onProfile: (share) => this.bar.update('measuring', share, null, 'blocks'),
    onPlan: (plan) => {
      this.bar.log(describePlan(plan));
      this.#planText = `K=${plan.stageCount} M=${plan.microBatchCount}`;
      this.#lastMs = performance.now();
    },
    onStep: ({ step, stepCount, loss, accuracy }) => {
      const nowMs = performance.now();
      this.#recentMs.push(nowMs - this.#lastMs);
      if (this.#recentMs.length > recentCount) this.#recentMs.shift();
      this.#lastMs = nowMs;
      const note = `${this.#planText} loss ${loss.toFixed(3)} accuracy ${(100 * accuracy).toFixed(0)}%`;
      this.bar.update('training', step / stepCount, (stepCount - step) * this.stepMs!, note);
    },
    onFault: ({ stage, how, noticedMs, recoveredMs, step }) =>
      this.bar.log(
        `stage ${stage} was lost (${how}) and is back after ${((recoveredMs - noticedMs) / 1000).toFixed(1)} s; on from step ${step}`,
      ),
    onNotice: (line) => this.bar.log(line),
  };
}

/** `pipeline of 2 stages (stem..a | b..head), 8 micro-batches, gpipe, remat none: 210 ms a step, 18% idle, 12.1 | 9.8 MB (measured)` */
function describePlan(plan: PlannedPipeline): string {
  const { stageCount, microBatchCount, schedule, remat, stepMs, idleShare, partitions, reason } = plan;
  const blocks = partitions.map(({ blockCount }) => blockCount).join(' | ');
  const bytes = partitions.map(({ byteCount }) => (byteCount / 1e6).toFixed(1)).join(' | ');
  const stages = stageCount === 1 ? 'one stage' : `${stageCount} stages`;
  return `plan (${reason}): ${stages} of ${blocks} blocks, ${microBatchCount} micro-batches, ${schedule}, remat ${remat}; ${stepMs.toFixed(0)} ms a step, ${(100 * idleShare).toFixed(0)}% idle, ${bytes} MB`;
}
