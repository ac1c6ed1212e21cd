/** AddDevice: the command that pairs another device, with a fresh code in it, and a wait until the device is there. */
import { isLoopback } from '@bespoke/shared/protocol/address.js';
import type { DeviceView, PairingCode } from '@bespoke/shared/protocol/api.js';
import { useEffect, useState } from 'react';
import { callApi } from '../api.js';
import { formatTime } from '../format.js';
import { deviceHash } from '../route.js';

export function AddDevice({ devices }: { readonly devices: readonly DeviceView[] }) {
  const [pairing, setPairing] = useState<PairingCode | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  /** Who was here when the code was made: whoever else comes is the one waited for. */
  const [here, setHere] = useState<ReadonlySet<string>>(new Set());
  const open = () => {
    setHere(new Set(onlineIds(devices)));
    setFailure(null);
    callApi('POST /api/pairing-codes').then(setPairing, (error: Error) => {
      setPairing(null);
      setFailure(error.message);
    });
  };
  if (pairing)
    return <Waiting pairing={pairing} devices={devices} here={here} renew={open} end={() => setPairing(null)} />;
  return (
    <p className="row add-device">
      <button type="button" onClick={open}>
        Add a device
      </button>
      {failure !== null && <span role="alert">{failure}</span>}
    </p>
  );
}

interface WaitingProps {
  readonly pairing: PairingCode;
  readonly devices: readonly DeviceView[];
  readonly here: ReadonlySet<string>;
  readonly renew: () => void;
  readonly end: () => void;
}

function Waiting({ pairing, devices, here, renew, end }: WaitingProps) {
  const joined = devices.find(({ id, online }) => online && !here.has(id));
  return (
    <section className="card empty add-device" aria-label="Add a device">
      {joined ? (
        <p role="status">
          <strong>
            <a href={deviceHash(joined.id)}>{joined.name}</a> has joined.
          </strong>
        </p>
      ) : (
        <Instructions pairing={pairing} renew={renew} />
      )}
      <p>
        <button type="button" onClick={end}>
          {joined ? 'Done' : 'Cancel'}
        </button>
      </p>
    </section>
  );
}

function Instructions({ pairing, renew }: { readonly pairing: PairingCode; readonly renew: () => void }) {
  const { code, expiresAt } = pairing;
  if (useIsPast(expiresAt)) {
    return (
      <p>
        The code has expired.{' '}
        <button type="button" className="primary" onClick={renew}>
          New code
        </button>
      </p>
    );
  }
  return (
    <>
      <p>
        On the device, in a clone of this project with <code>npm ci -w agent</code> done:
      </p>
      <pre>
        <code>{`npx bespoke-agent pair ${location.origin} ${code}\nnpx bespoke-agent run`}</code>
      </pre>
      <p className="muted" role="status">
        <span className="dot" aria-hidden="true" /> Waiting for it. The code <strong>{code}</strong> works once, until{' '}
        {formatTime(expiresAt)}.
      </p>
      {isLoopback(location.hostname) && (
        <p className="muted small">
          This address is this machine's own. For other devices start the cloud with a certificate and open it under a
          name that they can reach: <code>npx bespoke start --host 0.0.0.0 --tls-cert FILE --tls-key FILE</code>
        </p>
      )}
    </>
  );
}

/** Turns true when the time has come. */
function useIsPast(time: string): boolean {
  const [past, setPast] = useState(false);
  useEffect(() => {
    setPast(false);
    const timer = setTimeout(() => setPast(true), Math.max(0, Date.parse(time) - Date.now()));
    return () => clearTimeout(timer);
  }, [time]);
  return past;
}

function onlineIds(devices: readonly DeviceView[]): string[] {
  return devices.filter(({ online }) => online).map(({ id }) => id);
}
