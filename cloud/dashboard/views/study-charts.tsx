/** StudyCharts: the pictures of a study, each shown as soon as there is something to see. */
import { type PredictorView, type StudyDetail, timedThing } from '@bespoke/shared/protocol/api.js';
import { useCallback, useMemo } from 'react';
import { architectureProbabilities } from '../charts/architecture-probabilities.js';
import { Chart } from '../charts/chart.js';
import { expectedLatency } from '../charts/expected-latency.js';
import { latencyVerdict } from '../charts/latency-verdict.js';
import { learningCurve } from '../charts/learning-curve.js';
import { NetworkDrawing } from '../charts/network-drawing.js';
import type { ChartContext } from '../charts/theme.js';
import { useLive } from '../live.js';
import { holdOutText } from '../predictors.js';
import { deviceHash } from '../route.js';
import { tableOf } from '../state.js';
import { EvolutionCharts } from './evolution.js';
import { Training } from './training.js';

interface StudyChartsProps {
  readonly study: StudyDetail;
  /** What predicts its latencies; null while nothing does, or nobody judged it. */
  readonly predictor: PredictorView | null;
}

export function StudyCharts({ study, predictor }: StudyChartsProps) {
  const searching = study.searchPoints.length > 0;
  const evolution = study.evolution?.individuals.length ? study.evolution : null;
  return (
    <>
      {!searching && !evolution && <BeforeTheSearch study={study} />}
      <Training study={study} />
      {study.network && <FoundNetwork study={study} />}
      {evolution && <EvolutionCharts evolution={evolution} />}
      <div className="chart-grid">
        {searching && <SearchCharts study={study} predictor={predictor} />}
        {study.result && <VerdictChart study={study} predictor={predictor} />}
      </div>
      {searching && study.slots.length > 0 && <ProbabilityChart study={study} />}
    </>
  );
}

function BeforeTheSearch({ study }: { readonly study: StudyDetail }) {
  if (study.status !== 'running') return null;
  return (
    <div className="card empty">
      <p>
        {study.evolution
          ? "The evolution's front appears here when its first network is trained and judged."
          : "The search's curves appear here when its first step is done."}{' '}
        Until then, watch <a href={deviceHash(study.deviceId)}>the device's latency table fill</a>.
      </p>
    </div>
  );
}

function SearchCharts({ study, predictor }: StudyChartsProps) {
  const { searchPoints, budgetMs } = study;
  const stepCount = searchPoints.at(-1)?.stepCount ?? 0;
  const latency = useCallback(
    (context: ChartContext) => expectedLatency(searchPoints, budgetMs, context),
    [searchPoints, budgetMs],
  );
  const curve = useCallback(
    (context: ChartContext) => learningCurve(searchPoints, stepCount, context),
    [searchPoints, stepCount],
  );
  return (
    <>
      <Chart
        title="Search: expected latency"
        note={`Mean over the architecture probabilities, against the budget.${judgement(predictor)}`}
        build={latency}
      />
      <Chart title="Search: loss and accuracy" note="Of the paths sampled at each step." build={curve} />
    </>
  );
}

/** How far predictions can be trusted, as a further sentence. */
function judgement(predictor: PredictorView | null): string {
  return predictor ? ` Predictions in space ${predictor.space}: ${holdOutText(predictor.holdOut)}.` : '';
}

function VerdictChart({ study: { result }, predictor }: StudyChartsProps) {
  const build = useCallback((context: ChartContext) => latencyVerdict(result!, context), [result]);
  return (
    <Chart
      title="Predicted and measured latency"
      note={`Of ${timedThing(result!)}, on this device.${judgement(predictor)}`}
      build={build}
    />
  );
}

function ProbabilityChart({ study: { slots, probabilities } }: { readonly study: StudyDetail }) {
  const build = useCallback(
    (context: ChartContext) => architectureProbabilities(slots, probabilities, context),
    [slots, probabilities],
  );
  return (
    <Chart
      title="Architecture probabilities"
      note="Each bar is a slot of the network; a segment is a candidate, as wide as it is likely."
      build={build}
    />
  );
}

function FoundNetwork({ study }: { readonly study: StudyDetail }) {
  const { latencies } = useLive(`latencies/${study.deviceId}`);
  const measured = latencies.get(study.deviceId);
  const table = useMemo(() => tableOf([...(measured?.values() ?? [])], study.result), [measured, study.result]);
  return <NetworkDrawing network={study.network!} table={table} />;
}
