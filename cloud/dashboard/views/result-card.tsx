/** ResultCard: what the study is for. Accuracy, measured latency, size, and the model to take away. */
import { type PredictorView, type StudyResult, timedThing } from '@bespoke/shared/protocol/api.js';
import { modelPath } from '../api.js';
import { formatCount, formatInteger, formatMs, formatPercent } from '../format.js';

interface ResultCardProps {
  readonly studyId: string;
  readonly result: StudyResult;
  /** How well predictions held on other networks; null where nobody judged them. */
  readonly holdOut: PredictorView['holdOut'] | null;
}

export function ResultCard({ studyId, result, holdOut }: ResultCardProps) {
  const { accuracy, measuredMs, predictedMs, budgetMs, params, macs } = result;
  const overBudget = measuredMs / budgetMs - 1;
  const judged = holdOut ? `; ${formatPercent(holdOut.meanError)} off on average for networks held out` : '';
  const margin = `${formatPercent(Math.abs(overBudget))} ${overBudget > 0 ? 'above' : 'under'} the budget of ${formatMs(budgetMs)}`;
  return (
    <section className="card result" aria-label="Result">
      <dl>
        <Figure name="Accuracy" value={formatPercent(accuracy)} note="on the test split" />
        <Figure name="Measured" value={formatMs(measuredMs)} note={margin} />
        <Figure
          name="Predicted"
          value={formatMs(predictedMs)}
          note={`${signedPercent(predictedMs / measuredMs - 1)} against the measured${judged}`}
        />
        <Figure name="Parameters" value={formatCount(params)} note={formatInteger(params)} />
        <Figure name="MACs" value={formatCount(macs)} note={formatInteger(macs)} />
      </dl>
      <div className="take">
        <a className="button primary" href={modelPath(studyId)} download>
          Download .tflite
        </a>
        <p className="muted small">
          Measured on {result.device} with {result.runtime}, {result.threads}{' '}
          {result.threads === 1 ? 'thread' : 'threads'}: {timedThing(result)}.
        </p>
      </div>
    </section>
  );
}

function signedPercent(share: number): string {
  return `${share < 0 ? '−' : '+'}${formatPercent(Math.abs(share))}`;
}

function Figure({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="figure">{value}</dd>
      <dd className="muted small">{note}</dd>
    </div>
  );
}
