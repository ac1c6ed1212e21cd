/** StudyButtons: what can be asked of a study as it is now. */
import {
  type ApiCalls,
  type StoppablePhase,
  type StudyDetail,
  type StudyStatus,
  type StudyView,
  stoppablePhases,
} from '@bespoke/shared/protocol/api.js';
import { type CallInput, callApi } from '../api.js';
import { rejudgeHash } from '../route.js';
import { ConfirmButton } from './confirm-button.js';

interface Action {
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  readonly ask: (id: string) => Promise<StudyView>;
}

type StudyCall = Extract<keyof ApiCalls, `POST /api/studies/:id/${string}`>;

const asking =
  <C extends StudyCall>(call: C, body?: ApiCalls[C]['body']) =>
  (id: string) =>
    callApi(call, { id, body } as CallInput<C>) as Promise<StudyView>;

const pause: Action = {
  label: 'Pause',
  question: 'Let it rest? It goes on from its last checkpoint.',
  yes: 'Pause',
  no: 'Keep running',
  ask: asking('POST /api/studies/:id/pause'),
};
const resume: Action = {
  label: 'Resume',
  question: 'Go on?',
  yes: 'Resume',
  no: 'Not yet',
  ask: asking('POST /api/studies/:id/resume'),
};
const stops: { readonly [P in StoppablePhase]: Action } = {
  search: {
    label: 'End search',
    question: 'Train the best that was found so far?',
    yes: 'End search',
    no: 'Keep searching',
    ask: asking('POST /api/studies/:id/stop', { phase: 'search' }),
  },
  train: {
    label: 'End training',
    question: 'Take the weights as they are? They would gain most in the last steps, as the learning rate falls.',
    yes: 'End training',
    no: 'Keep training',
    ask: asking('POST /api/studies/:id/stop', { phase: 'train' }),
  },
};
const cancel: Action = {
  label: 'Cancel study',
  question: 'Stop it for good?',
  yes: 'Stop',
  no: 'Keep it',
  ask: asking('POST /api/studies/:id/cancel'),
};

const rests: { readonly [S in StudyStatus]: readonly Action[] } = {
  running: [pause],
  paused: [resume],
  finished: [],
  failed: [],
  cancelled: [],
};

/** Of the phase that is under way: to end it early, to pause, to go on. */
function phaseActions({ status, phase }: StudyView): readonly Action[] {
  const stoppable = stoppablePhases.find((each) => each === phase);
  return [...(status === 'running' && stoppable ? [stops[stoppable]] : []), ...rests[status]];
}

function Actions({ study, actions }: { readonly study: StudyView; readonly actions: readonly Action[] }) {
  return actions.map(({ ask, ...texts }) => <ConfirmButton key={texts.label} {...texts} act={() => ask(study.id)} />);
}

export function PhaseButtons({ study }: { readonly study: StudyView }) {
  return (
    <div className="actions">
      <Actions study={study} actions={phaseActions(study)} />
    </div>
  );
}

export function StudyButtons({ study }: { readonly study: StudyDetail }) {
  const going = rests[study.status].length > 0 ? [cancel] : [];
  return (
    <div className="actions">
      <Actions study={study} actions={[...phaseActions(study), ...going]} />
      {study.status === 'finished' && study.evolution !== null && (
        <a className="button" href={rejudgeHash(study.id)}>
          For another device
        </a>
      )}
    </div>
  );
}
