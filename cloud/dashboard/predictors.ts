/** Which predictor speaks for what, and how good it is in words. */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { PredictorView, StudyView } from '@bespoke/shared/protocol/api.js';
import { formatPercent } from './format.js';

/** One predictor per space of a runtime, the newest first. */
export function newestPredictors(predictors: readonly PredictorView[], runtime: RuntimeKey): PredictorView[] {
  const name = canonicalJson(runtime);
  const bySpace = new Map<string, PredictorView>();
  for (const predictor of newestFirst(predictors))
    if (canonicalJson(predictor.runtime) === name && !bySpace.has(predictor.space))
      bySpace.set(predictor.space, predictor);
  return [...bySpace.values()];
}

/** The newest predictor of the runtime that measured a study's result; before there is a result, the newest of all. */
export function predictorOfStudy(
  predictors: readonly PredictorView[],
  { result }: Pick<StudyView, 'result'>,
): PredictorView | null {
  const speaks = ({ runtime: { runtime, version, delegate, threads } }: PredictorView) =>
    !result || (`${runtime} ${version} ${delegate}` === result.runtime && threads === result.threads);
  return newestFirst(predictors).find(speaks) ?? null;
}

/** `mean error 2.1%, worst 4.6%, 100.0% within 10%, Spearman 0.993, on 12 networks held out` */
export function holdOutText({
  meanError,
  worstError,
  within10Share,
  spearman,
  count,
}: PredictorView['holdOut']): string {
  return [
    `mean error ${formatPercent(meanError)}`,
    `worst ${formatPercent(worstError)}`,
    `${formatPercent(within10Share)} within 10%`,
    `Spearman ${spearman.toFixed(3)}`,
    `on ${count} networks held out`,
  ].join(', ');
}

function newestFirst(predictors: readonly PredictorView[]): PredictorView[] {
  return predictors.toSorted((a, b) => (a.fittedAt < b.fittedAt ? 1 : -1));
}
