/** What the terminal shows of a pipelined training. */
import { median } from '@bespoke/shared/latency/statistics.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { describeFault, describePlan } from '../train/gpipe/describe.js';
import { ganttText } from '../train/gpipe/gantt-text.js';
import { splitStep } from '../train/gpipe/idle-split.js';
import type { PipelineHooks, PipelineStep, PlannedPipeline } from '../train/gpipe/pipeline-settings.js';
import { operationsIn } from '../train/gpipe/trace.js';
import type { Progress } from './progress.js';

/** Steps over which the time of a step is a median. */
const recentCount = 50;
const ganttWidth = 100;

export class TrainingProgress {
  #plan: PlannedPipeline | null = null;
  #lastStep: PipelineStep | null = null;
  readonly #recentMs: number[] = [];
  #lastMs = performance.now();

  constructor(
    private readonly bar: Progress,
    private readonly network: Network,
  ) {}

  /** Median time from step to step, the latest ones; null before the first. */
  get stepMs(): number | null {
    return this.#recentMs.length > 0 ? median(this.#recentMs) : null;
  }

  /** The last step as lines of text, and where its time went; empty before the first and where there is one stage. */
  get gantt(): string {
    if (!this.#lastStep || !this.#plan || this.#plan.stageCount === 1) return '';
    const { trace, step, stepMs } = this.#lastStep;
    const shares = Object.entries(splitStep(operationsIn(trace), this.#plan));
    const text = shares.map(([name, share]) => `${name} ${(100 * share).toFixed(0)}%`).join(', ');
    return `${ganttText(trace, this.#plan.stageCount, ganttWidth)}\nstep ${step}, ${stepMs.toFixed(0)} ms: ${text}\n`;
  }

  readonly hooks: Pick<PipelineHooks, 'onProfile' | 'onPlan' | 'onStep' | 'onFault' | 'onNotice'> = {
    onProfile: (share) => this.bar.update('measuring', share, null, 'blocks'),
    onPlan: (plan) => {
      this.bar.log(describePlan(this.network, plan));
      [this.#plan, this.#lastMs] = [plan, performance.now()];
    },
    onStep: (last) => {
      const nowMs = performance.now();
      this.#recentMs.push(nowMs - this.#lastMs);
      if (this.#recentMs.length > recentCount) this.#recentMs.shift();
      [this.#lastStep, this.#lastMs] = [last, nowMs];
      const { step, stepCount, loss, accuracy } = last;
      const note = `loss ${loss.toFixed(3)} accuracy ${(100 * accuracy).toFixed(0)}%`;
      this.bar.update('training', step / stepCount, (stepCount - step) * this.stepMs!, note);
    },
    onFault: (fault) => this.bar.log(describeFault(fault)),
    onNotice: (line) => this.bar.log(line),
  };
}
