/** Training: how the found network learns; in a pipeline, also its plan and a recent step, stage by stage. */
import { type StudyDetail, studyPhases } from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView, PipelineView } from '@bespoke/shared/protocol/pipeline.js';
import { type ReactNode, useCallback, useState } from 'react';
import { Chart } from '../charts/chart.js';
import { gantt } from '../charts/gantt.js';
import { IdleSplitBar } from '../charts/idle-split-bar.js';
import { learningCurve } from '../charts/learning-curve.js';
import { PlanDrawing } from '../charts/plan-drawing.js';
import type { ChartContext } from '../charts/theme.js';
import { formatInteger, formatMs, formatPercent } from '../format.js';
import { TimeLeft } from './status.js';
import { PhaseButtons } from './study-buttons.js';

/** Nothing before the study has come so far. */
export function Training({ study }: { readonly study: StudyDetail }) {
  const { phase, network, pipeline, trainPoints } = study;
  const isReached = studyPhases.indexOf(phase) >= studyPhases.indexOf('train');
  if (!isReached && trainPoints.length === 0) return null;
  const isUnderWay = phase === 'train' && (study.status === 'running' || study.status === 'paused');
  return (
    <>
      <section className="card training" aria-label="Training">
        <div className="row">
          <h2>Training</h2>
          {isUnderWay && <TimeLeft study={study} />}
          {isUnderWay && <PhaseButtons study={study} />}
        </div>
        {trainPoints.length === 0 && pipeline === null && (
          <p className="muted">No step is done yet. A pipeline measures the blocks of the network first.</p>
        )}
        <Figures study={study} />
        {pipeline && <Comparison plan={pipeline.plan} />}
      </section>
      <div className="chart-grid">
        {trainPoints.length > 0 && <TrainingCurve study={study} />}
        {pipeline && network && <PlanDrawing plan={pipeline.plan} network={network} />}
      </div>
      {pipeline?.step && (
        <StepChart plan={pipeline.plan} step={pipeline.step} isLive={isUnderWay && study.status === 'running'} />
      )}
    </>
  );
}

function Figures({ study: { trainPoints, pipeline } }: { readonly study: StudyDetail }) {
  const last = trainPoints.at(-1);
  return (
    <dl className="figures">
      {last && (
        <>
          <Figure name="Step" value={formatInteger(last.step)} note={`of ${formatInteger(last.stepCount)}`} />
          <Figure name="Accuracy" value={formatPercent(last.accuracy)} note="on training batches" />
        </>
      )}
      {pipeline && <PipelineFigures pipeline={pipeline} />}
    </dl>
  );
}

function PipelineFigures({ pipeline: { plan, step } }: { readonly pipeline: PipelineView }) {
  const { stages, microBatchCount, schedule, remat, stepMs, idleShare } = plan;
  return (
    <>
      <Figure
        name="Pipeline"
        value={`${stages.length} × ${microBatchCount}`}
        note={`stages × micro-batches; ${schedule}, remat ${remat}`}
      />
      <Figure name="Step, predicted" value={formatMs(stepMs)} note={`${formatPercent(idleShare)} idle`} />
      {step && (
        <Figure
          name="Step, measured"
          value={formatMs(step.medianStepMs)}
          note={`median; ${againstText(step.medianStepMs / stepMs - 1)}; ${formatPercent(1 - step.shares.busy)} idle`}
        />
      )}
    </>
  );
}

function againstText(excess: number): string {
  return `${formatPercent(Math.abs(excess))} ${excess < 0 ? 'quicker' : 'slower'} than predicted`;
}

function Figure({ name, value, note }: { readonly name: string; readonly value: string; readonly note: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd className="muted note">{note}</dd>
    </div>
  );
}

const reasonTexts: { readonly [R in PipelinePlanView['reason']]: string } = {
  measured: 'planned from what the blocks took when they were measured',
  resumed: 'as before the training was interrupted',
  're-cut': 'cut anew in the middle, because steps did not take what was predicted',
};

const strategyTexts: { readonly [S in PipelinePlanView['fastest']]: string } = {
  pipeline: 'this pipeline',
  'one-process': 'one process with all threads',
  'data-parallel': 'data parallel training',
};

/** The plan beside the other ways to train. */
function Comparison({ plan: { reason, stepMsBy, fastest, stages } }: { readonly plan: PipelinePlanView }) {
  const others = (['one-process', 'data-parallel'] as const).map((way) => {
    const ms = stepMsBy[way];
    return `${strategyTexts[way]} ${ms === null ? 'does not fit or was not measured' : `would take ${formatMs(ms)} a step`}`;
  });
  return (
    <p className="muted">
      {stages.length} stages, {reasonTexts[reason]}. Of other ways, {others.join('; ')}. Predicted to be fastest here:{' '}
      <strong>{strategyTexts[fastest]}</strong>.
    </p>
  );
}

function TrainingCurve({ study: { trainPoints } }: { readonly study: StudyDetail }) {
  const stepCount = trainPoints.at(-1)?.stepCount ?? 0;
  const build = useCallback(
    (context: ChartContext) => learningCurve(trainPoints, stepCount, context),
    [trainPoints, stepCount],
  );
  return (
    <Chart title="Training: loss and accuracy" note="Of the found network, trained from its start." build={build} />
  );
}

interface StepChartProps {
  readonly plan: PipelinePlanView;
  readonly step: PipelineStepView;
  readonly isLive: boolean;
}

/** Steps come every few seconds; one can be held to be looked at. */
function StepChart({ plan, step, isLive }: StepChartProps) {
  const [held, setHeld] = useState<PipelineStepView | null>(null);
  const shown = held ?? step;
  const build = useCallback((context: ChartContext) => gantt(shown, plan.stepMs, context), [shown, plan.stepMs]);
  return (
    <Chart
      title="A step, stage by stage"
      note={`Step ${formatInteger(shown.step)}, ${formatMs(shown.stepMs)}. A block is an operation on the micro-batch whose number it has; hatched: the stage waits. Below each row, thin: what it receives and what it sends. The slider stretches a part of the step.`}
      build={build}
    >
      <div className="row">
        <IdleSplitBar shares={shown.shares} />
        {(isLive || held) && (
          <button type="button" aria-pressed={held !== null} onClick={() => setHeld(held ? null : step)}>
            {held ? 'Show the newest' : 'Hold this step'}
          </button>
        )}
      </div>
    </Chart>
  );
}
