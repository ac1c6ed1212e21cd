/** HomePage: the devices, the studies, and the form that starts one. */
import type { DeviceView, StudyView } from '@bespoke/shared/protocol/api.js';
import { formatTime, studyHeadline } from '../format.js';
import { useLive } from '../live.js';
import { studyHash } from '../route.js';
import { AddDevice } from './add-device.js';
import { DeviceCard } from './device-card.js';
import { PhaseStepper, StatusPill, TimeLeft } from './status.js';
import { StudyForm } from './study-form.js';

export function HomePage() {
  const { devices, studies, failures } = useLive('devices', 'studies');
  return (
    <>
      <title>Bespoke</title>
      <h1 className="visually-hidden">Overview</h1>
      <section aria-labelledby="devices-title">
        <h2 id="devices-title">Devices</h2>
        {devices ? (
          <>
            <DeviceCards devices={[...devices.values()]} />
            <AddDevice devices={[...devices.values()]} />
          </>
        ) : (
          <Loading failure={failures.get('devices')} what="devices" />
        )}
      </section>
      <div className="columns">
        <section aria-labelledby="studies-title">
          <h2 id="studies-title">Studies</h2>
          {studies ? (
            <StudyList studies={[...studies.values()]} />
          ) : (
            <Loading failure={failures.get('studies')} what="studies" />
          )}
        </section>
        <section aria-labelledby="form-title">
          <h2 id="form-title">Start a study</h2>
          <StudyForm />
        </section>
      </div>
    </>
  );
}

function Loading({ failure, what }: { readonly failure: string | undefined; readonly what: string }) {
  if (failure === undefined) return <p className="card muted">Loading {what} …</p>;
  return (
    <p className="card error" role="alert">
      The {what} could not be read: {failure}
    </p>
  );
}

function DeviceCards({ devices }: { readonly devices: readonly DeviceView[] }) {
  if (devices.length === 0) {
    return (
      <div className="card empty">
        <p>
          <strong>No device has joined yet.</strong> The agent of this machine joins by itself within seconds of:
        </p>
        <pre>
          <code>npm start</code>
        </pre>
        <p className="muted">Is the cloud running without it? See what is missing here with:</p>
        <pre>
          <code>npx bespoke doctor</code>
        </pre>
      </div>
    );
  }
  const ordered = devices.toSorted((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name));
  return (
    <ul className="cards">
      {ordered.map((device) => (
        <li key={device.id}>
          <DeviceCard device={device} />
        </li>
      ))}
    </ul>
  );
}

function StudyList({ studies }: { readonly studies: readonly StudyView[] }) {
  if (studies.length === 0) {
    return (
      <div className="card empty">
        <p>
          <strong>No study yet.</strong> Start one with the form, or in a terminal:
        </p>
        <pre>
          <code>npm run demo -- --minutes 10</code>
        </pre>
      </div>
    );
  }
  return (
    <ul className="list">
      {studies
        .toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
        .map((study) => (
          <li key={study.id} className="card study-item">
            <div className="row">
              <h3>
                <a href={studyHash(study.id)}>{study.name}</a>
              </h3>
              <StatusPill status={study.status} />
              <TimeLeft study={study} />
            </div>
            <PhaseStepper study={study} labelled={false} />
            <p className={study.status === 'failed' ? 'error-text' : ''}>{studyHeadline(study)}</p>
            <p className="muted small">
              {study.status === 'running' ? `${study.phase}, ` : ''}started {formatTime(study.createdAt)}
            </p>
          </li>
        ))}
    </ul>
  );
}
