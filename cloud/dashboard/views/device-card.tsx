/** DeviceCard: one device at a glance. */
import type { DeviceView } from '@bespoke/shared/protocol/api.js';
import { formatBytes, formatInteger, runtimeLabel } from '../format.js';
import { deviceHash } from '../route.js';

export function DeviceCard({ device }: { readonly device: DeviceView }) {
  const { info } = device;
  return (
    <article className={device.online ? 'card device' : 'card device offline'}>
      <div className="row">
        <h3>
          <a href={deviceHash(device.id)}>{device.name}</a>
        </h3>
        <OnlinePulse online={device.online} />
      </div>
      <p className="cpu">{info.cpuModel}</p>
      <p className="muted small">
        {info.cpuCount} {info.cpuCount === 1 ? 'core' : 'cores'}, {formatBytes(info.memoryBytes)}, {info.platform}{' '}
        {info.arch}
      </p>
      <RuntimeBadges device={device} />
      <MeasuringProgress device={device} />
    </article>
  );
}

export function OnlinePulse({ online }: { readonly online: boolean }) {
  return (
    <span className={online ? 'pulse on' : 'pulse'}>
      <span className="dot" aria-hidden="true" />
      {online ? 'online' : 'offline'}
    </span>
  );
}

export function RuntimeBadges({ device }: { readonly device: DeviceView }) {
  return (
    <ul className="badges" aria-label="Runtimes">
      {device.runtimes.map((runtime) => (
        <li key={runtimeLabel(runtime)}>{runtimeLabel(runtime)}</li>
      ))}
    </ul>
  );
}

/** How many workloads are measured and waiting, and what runs now. */
export function MeasuringProgress({ device }: { readonly device: DeviceView }) {
  const { measuredCount, pendingCount, currentJob } = device;
  const total = measuredCount + pendingCount;
  return (
    <div className="measuring">
      <p className="job">{currentJob ? `measuring ${currentJob}` : idleText(device)}</p>
      <progress value={measuredCount} max={Math.max(1, total)} aria-label="Workloads measured" />
      <p className="muted small">
        {formatInteger(measuredCount)} measured{pendingCount > 0 && `, ${formatInteger(pendingCount)} waiting`}
      </p>
    </div>
  );
}

function idleText({ online, pendingCount }: DeviceView): string {
  if (online) return pendingCount > 0 ? 'between two jobs' : 'idle';
  return pendingCount > 0 ? 'away; goes on when it is back' : 'away';
}
