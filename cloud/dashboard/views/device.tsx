/** DevicePage: what the device is, what it measured, how steady it is, how well its figures predict, and how it compares. */
import type { DeviceView, LatencyView } from '@bespoke/shared/protocol/api.js';
import { type ReactNode, useMemo } from 'react';
import { DataTableView } from '../charts/data-table.js';
import { latencyRows } from '../charts/latency-heatmap.js';
import { formatAge, formatBytes, formatTime, runtimeLabel } from '../format.js';
import { useLive } from '../live.js';
import { useChoices } from '../route.js';
import { measuredRuntimes } from '../state.js';
import { Choice, plainOptions } from './choice.js';
import { Comparison } from './comparison.js';
import { MeasuringProgress, OnlinePulse } from './device-card.js';
import { Drift } from './drift.js';
import { Heatmap } from './heatmap.js';
import { Predictor } from './predictor.js';
import { RevokeButton } from './revoke-button.js';
import { Runtimes } from './runtimes.js';
import { Absent } from './status.js';

export function DevicePage({ id }: { readonly id: string }) {
  const { devices, latencies, failures } = useLive('devices', `latencies/${id}`);
  const device = devices?.get(id);
  const measured = latencies.get(id);
  const list = useMemo(() => [...(measured?.values() ?? [])], [measured]);
  if (!device) {
    const unknown = devices ? `No device has the id "${id}".` : undefined;
    return <Absent what="device" failure={failures.get('devices') ?? unknown} />;
  }
  return (
    <>
      <title>{`${device.name} · Bespoke`}</title>
      <nav className="crumbs" aria-label="Place">
        <a href="#/">Overview</a> <span aria-hidden="true">/</span> Device
      </nav>
      <div className="row page-title">
        <h1>{device.name}</h1>
        <OnlinePulse online={device.online} />
        <RevokeButton device={device} />
      </div>
      <HardwareSheet device={device} latencies={list} />
      {measured ? (
        <Latencies device={device} latencies={list} />
      ) : (
        <Absent what="latencies" failure={failures.get(`latencies/${id}`)} />
      )}
      <Runtimes device={device} />
    </>
  );
}

interface DeviceLatencies {
  readonly device: DeviceView;
  readonly latencies: readonly LatencyView[];
}

function HardwareSheet({ device, latencies }: DeviceLatencies) {
  const { hostname, platform, arch, cpuModel, cpuCount, memoryBytes } = device.info;
  const newest = latencies.map(({ measuredAt }) => measuredAt).reduce((a, b) => (a > b ? a : b), '');
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Processor', cpuModel],
    ['Cores', cpuCount],
    ['Memory', formatBytes(memoryBytes)],
    ['System', `${platform} ${arch}`],
    ['Host', hostname],
    [
      'Newest figure',
      newest === '' ? (
        'none yet'
      ) : (
        <time key="newest" dateTime={newest} title={formatTime(newest)}>
          {formatAge(Date.now() - Date.parse(newest))}
        </time>
      ),
    ],
  ];
  return (
    <section className="card sheet" aria-label="Hardware">
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <MeasuringProgress device={device} />
    </section>
  );
}

function Latencies({ device, latencies }: DeviceLatencies) {
  const [choice, choose] = useChoices();
  const runtimes = measuredRuntimes(latencies);
  const chosen = choice('runtime');
  const runtime = chosen !== null && runtimes.includes(chosen) ? chosen : runtimes[0];
  const shown = useMemo(
    () => latencies.filter((latency) => runtimeLabel(latency.runtime) === runtime),
    [latencies, runtime],
  );
  if (runtime === undefined) return <NothingMeasured device={device} />;
  const { runtime: key } = shown[0]!;
  return (
    <>
      {runtimes.length > 1 && (
        <Choice
          label="Runtime"
          value={runtime}
          options={plainOptions(runtimes)}
          onChoose={(name) => choose({ runtime: name })}
        />
      )}
      <Heatmap deviceId={device.id} runtime={key} latencies={shown} />
      <div className="chart-grid">
        <Drift deviceId={device.id} runtime={key} />
        <Predictor deviceId={device.id} runtime={key} />
      </div>
      <Comparison device={device} runtime={runtime} latencies={latencies} />
      <section className="card" aria-labelledby="table-title">
        <h3 id="table-title">Latency table</h3>
        <DataTableView table={latencyRows(shown)} name={`${device.name} latencies`} />
      </section>
    </>
  );
}

function NothingMeasured({ device }: { readonly device: DeviceView }) {
  return (
    <div className="card empty">
      <p>
        <strong>Nothing is measured on this device yet.</strong>{' '}
        {device.pendingCount > 0
          ? 'Its first figures are on their way.'
          : 'A study asks for the blocks that it needs; start one on the overview, or in a terminal:'}
      </p>
      {device.pendingCount === 0 && (
        <pre>
          <code>npm run demo -- --minutes 10</code>
        </pre>
      )}
    </div>
  );
}
