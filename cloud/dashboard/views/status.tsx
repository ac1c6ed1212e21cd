/** Small signs that several pages share: a study's state, its phases, a labelled bar. */
import { type StudyStatus, type StudyView, studyPhases } from '@bespoke/shared/protocol/api.js';
import { formatDuration, formatPercent } from '../format.js';

export function StatusPill({ status }: { readonly status: StudyStatus }) {
  return <span className={`pill ${status}`}>{status}</span>;
}

/** `labelled` gives each phase its name (on the study's page); without, five small bars (in lists). */
export function PhaseStepper({ study, labelled }: { readonly study: StudyView; readonly labelled: boolean }) {
  const current = studyPhases.indexOf(study.phase);
  return (
    <ol className={labelled ? 'phases labelled' : 'phases'} aria-label={`Phases of ${study.name}`}>
      {studyPhases.map((phase, index) => {
        const state = phaseState(study, index, current);
        const share = state === 'done' ? 1 : index === current ? study.progress : 0;
        return (
          <li key={phase} className={state} aria-current={state === 'running' ? 'step' : undefined}>
            {labelled && <PhaseName phase={phase} state={state} share={share} />}
            <progress value={share} max={1} aria-label={`${phase}: ${state}, ${formatPercent(share)}`} />
          </li>
        );
      })}
    </ol>
  );
}

type PhaseState = 'done' | 'running' | 'paused' | 'waiting' | 'failed' | 'cancelled';

function phaseState(study: StudyView, index: number, current: number): PhaseState {
  if (study.status === 'finished' || index < current) return 'done';
  if (index > current) return 'waiting';
  return study.status;
}

const marks: { readonly [S in PhaseState]: string } = {
  done: '✓',
  running: '●',
  paused: '‖',
  waiting: '○',
  failed: '✕',
  cancelled: '■',
};

function PhaseName({
  phase,
  state,
  share,
}: {
  readonly phase: string;
  readonly state: PhaseState;
  readonly share: number;
}) {
  return (
    <span className="phase-name">
      <span aria-hidden="true">{marks[state]}</span> {phase}
      {state === 'running' && <span className="muted"> {formatPercent(share)}</span>}
    </span>
  );
}

/** `about 3 min 20 s left`, or why no time can be told. */
export function TimeLeft({ study }: { readonly study: StudyView }) {
  if (study.status !== 'running') return null;
  const text =
    study.remainingMs === null ? 'time left not known yet' : `about ${formatDuration(study.remainingMs)} left`;
  return <span className="muted time-left">{text}</span>;
}

/** Shown where a page's subject could not be read, or is not there yet. */
export function Absent({ failure, what }: { readonly failure: string | undefined; readonly what: string }) {
  return (
    <div className="card empty">
      {failure === undefined ? (
        <p className="muted">Loading {what} …</p>
      ) : (
        <>
          <h1>No {what} to show</h1>
          <p role="alert">{failure}</p>
          <p>
            <a href="#/">Go to the overview</a>
          </p>
        </>
      )}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly text: string;
  readonly failed?: boolean;
}

/** Stands in a chart's place while there is nothing to draw, and says why. */
export function Empty({ title, text, failed = false }: EmptyProps) {
  return (
    <section className="card empty" aria-label={title}>
      <h3>{title}</h3>
      <p className={failed ? 'error-text' : 'muted'} role={failed ? 'alert' : undefined}>
        {text}
      </p>
    </section>
  );
}
