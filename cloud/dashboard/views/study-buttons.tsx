/** StudyButtons: what can be asked of a study as it is now. */
import type { ApiCalls, StudyDetail, StudyStatus } from '@bespoke/shared/protocol/api.js';
import { callApi } from '../api.js';
import { rejudgeHash } from '../route.js';
import { ConfirmButton } from './confirm-button.js';

type StudyCall = Extract<keyof ApiCalls, `POST /api/studies/:id/${string}`>;

interface Action {
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  readonly call: StudyCall;
}

const pause: Action = {
  label: 'Pause',
  question: 'Let it rest? It goes on from its last checkpoint.',
  yes: 'Pause',
  no: 'Keep running',
  call: 'POST /api/studies/:id/pause',
};
const resume: Action = {
  label: 'Resume',
  question: 'Go on?',
  yes: 'Resume',
  no: 'Not yet',
  call: 'POST /api/studies/:id/resume',
};
const stop: Action = {
  label: 'End search',
  question: 'Train the best that was found so far?',
  yes: 'End search',
  no: 'Keep searching',
  call: 'POST /api/studies/:id/stop',
};
const cancel: Action = {
  label: 'Cancel study',
  question: 'Stop it for good?',
  yes: 'Stop',
  no: 'Keep it',
  call: 'POST /api/studies/:id/cancel',
};

const actions: { readonly [S in StudyStatus]: readonly Action[] } = {
  running: [pause, cancel],
  paused: [resume, cancel],
  finished: [],
  failed: [],
  cancelled: [],
};

export function StudyButtons({ study }: { readonly study: StudyDetail }) {
  const isSearching = study.status === 'running' && study.phase === 'search';
  return (
    <div className="actions">
      {[...(isSearching ? [stop] : []), ...actions[study.status]].map(({ call, ...texts }) => (
        <ConfirmButton key={call} {...texts} act={() => callApi(call, { id: study.id })} />
      ))}
      {study.status === 'finished' && study.evolution !== null && (
        <a className="button" href={rejudgeHash(study.id)}>
          For another device
        </a>
      )}
    </div>
  );
}
