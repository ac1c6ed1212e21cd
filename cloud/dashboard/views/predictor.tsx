/** Predictor: how well sums of blocks predict whole networks on this device, on networks that the fit never saw. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { PredictorView } from '@bespoke/shared/protocol/api.js';
import { useCallback } from 'react';
import { Chart } from '../charts/chart.js';
import { predictionScatter } from '../charts/prediction-scatter.js';
import type { ChartContext } from '../charts/theme.js';
import { formatPercent, formatTime } from '../format.js';
import { newestPredictors } from '../predictors.js';
import { useChoices } from '../route.js';
import { useCall } from '../use-call.js';
import { Choice, plainOptions } from './choice.js';
import { Empty } from './status.js';

const title = 'Predicted and measured networks';

export function Predictor({ deviceId, runtime }: { readonly deviceId: string; readonly runtime: RuntimeKey }) {
  const { value, failure } = useCall('GET /api/devices/:id/predictors', { id: deviceId });
  const [choice, choose] = useChoices();
  if (value === null) return <Empty title={title} text={failure ?? 'Loading predictors …'} failed={failure !== null} />;
  const predictors = newestPredictors(value, runtime);
  const shown = predictors.find(({ space }) => space === choice('space')) ?? predictors[0];
  if (!shown)
    return (
      <Empty
        title={title}
        text="No predictor for this runtime yet. A study fits one before it searches: it measures whole networks of its space, and holds some out to judge the fit."
      />
    );
  return (
    <Scatter predictor={shown}>
      {predictors.length > 1 && (
        <Choice
          label="Space"
          value={shown.space}
          options={plainOptions(predictors.map(({ space }) => space))}
          onChoose={(space) => choose({ space })}
        />
      )}
    </Scatter>
  );
}

function Scatter({ predictor, children }: { readonly predictor: PredictorView; readonly children: React.ReactNode }) {
  const build = useCallback((context: ChartContext) => predictionScatter(predictor, context), [predictor]);
  const { meanError, worstError, within10Share, spearman, count } = predictor.holdOut;
  const figures: readonly (readonly [string, string])[] = [
    ['Mean error (MAPE)', formatPercent(meanError)],
    ['Worst', formatPercent(worstError)],
    ['Within 10%', formatPercent(within10Share)],
    ['Spearman', spearman.toFixed(3)],
  ];
  return (
    <Chart
      title={title}
      note={`Space ${predictor.space}, fitted ${formatTime(predictor.fittedAt)}. Judged on ${count} networks that the fit never saw; bars are 95% intervals, dashes ±10%.`}
      build={build}
    >
      {children}
      <dl className="figures">
        {figures.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Chart>
  );
}
