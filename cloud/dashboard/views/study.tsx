/** StudyPage: one study from the first measurement to the download. */
import type { StudyDetail } from '@bespoke/shared/protocol/api.js';
import { formatMs, formatTime } from '../format.js';
import { useLive } from '../live.js';
import { predictorOfStudy } from '../predictors.js';
import { deviceHash } from '../route.js';
import { useCall } from '../use-call.js';
import { ResultCard } from './result-card.js';
import { Absent, PhaseStepper, StatusPill, TimeLeft } from './status.js';
import { StudyButtons } from './study-buttons.js';
import { StudyCharts } from './study-charts.js';

export function StudyPage({ id }: { readonly id: string }) {
  const { details, failures } = useLive(`study/${id}`);
  const study = details.get(id);
  return study ? <Study study={study} /> : <Absent what="study" failure={failures.get(`study/${id}`)} />;
}

function Study({ study }: { readonly study: StudyDetail }) {
  const { id, deviceId } = study;
  const { value: predictors } = useCall('GET /api/devices/:id/predictors', { id: deviceId });
  const predictor = predictorOfStudy(predictors ?? [], study);
  return (
    <>
      <title>{`${study.name} · Bespoke`}</title>
      <nav className="crumbs" aria-label="Place">
        <a href="#/">Overview</a> <span aria-hidden="true">/</span> Study
      </nav>
      <div className="row page-title">
        <h1>{study.name}</h1>
        <StatusPill status={study.status} />
        <TimeLeft study={study} />
        <StudyButtons study={study} />
      </div>
      <StudyFacts study={study} />
      {study.error !== null && (
        <p className="card error" role="alert">
          {study.error}
        </p>
      )}
      <section className="card" aria-label="Phases">
        <PhaseStepper study={study} labelled />
      </section>
      {study.result && <ResultCard studyId={id} result={study.result} holdOut={predictor?.holdOut ?? null} />}
      <StudyCharts study={study} predictor={predictor} />
      <details className="card drawer">
        <summary>Specification (resolved: all defaults filled in)</summary>
        <pre className="log">{study.specYaml}</pre>
      </details>
      <details className="card drawer">
        <summary>
          Log <span className="muted">({study.log.length} lines)</span>
        </summary>
        <pre className="log">{study.log.join('\n')}</pre>
      </details>
    </>
  );
}

function StudyFacts({ study }: { readonly study: StudyDetail }) {
  const { devices } = useLive('devices');
  return (
    <p className="muted facts">
      <span>
        device <a href={deviceHash(study.deviceId)}>{devices?.get(study.deviceId)?.name ?? study.deviceId}</a>
      </span>
      <span>{study.budgetMs === null ? 'budget chosen after measuring' : `budget ${formatMs(study.budgetMs)}`}</span>
      <span>{study.engine === null ? 'engine chosen before the search' : `engine ${study.engine}`}</span>
      <span>started {formatTime(study.createdAt)}</span>
    </p>
  );
}
