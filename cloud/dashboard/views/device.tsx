/** DevicePage: what the device is, and what it measured, as a heatmap that fills while it measures. */
import type { DeviceView, LatencyView } from '@bespoke/shared/protocol/api.js';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { Chart } from '../charts/chart.js';
import { DataTableView } from '../charts/data-table.js';
import { latencyHeatmap, latencyRows } from '../charts/latency-heatmap.js';
import type { ChartContext } from '../charts/theme.js';
import { formatBytes, runtimeLabel } from '../format.js';
import { useLive } from '../live.js';
import { MeasuringProgress, OnlinePulse, RuntimeBadges } from './device-card.js';
import { Absent } from './status.js';

export function DevicePage({ id }: { readonly id: string }) {
  const { devices, latencies, failures } = useLive('devices', `latencies/${id}`);
  const device = devices?.get(id);
  if (!device) {
    const unknown = devices ? `No device has the id "${id}".` : undefined;
    return <Absent what="device" failure={failures.get('devices') ?? unknown} />;
  }
  const measured = latencies.get(id);
  return (
    <>
      <title>{`${device.name} · Bespoke`}</title>
      <nav className="crumbs" aria-label="Place">
        <a href="#/">Overview</a> <span aria-hidden="true">/</span> Device
      </nav>
      <div className="row page-title">
        <h1>{device.name}</h1>
        <OnlinePulse online={device.online} />
      </div>
      <HardwareSheet device={device} />
      {measured ? (
        <Latencies device={device} latencies={[...measured.values()]} />
      ) : (
        <Absent what="latencies" failure={failures.get(`latencies/${id}`)} />
      )}
    </>
  );
}

function HardwareSheet({ device }: { readonly device: DeviceView }) {
  const { hostname, platform, arch, cpuModel, cpuCount, memoryBytes } = device.info;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Processor', cpuModel],
    ['Cores', cpuCount],
    ['Memory', formatBytes(memoryBytes)],
    ['System', `${platform} ${arch}`],
    ['Host', hostname],
    ['Runtimes', <RuntimeBadges key="runtimes" device={device} />],
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

function Latencies({ device, latencies }: { readonly device: DeviceView; readonly latencies: readonly LatencyView[] }) {
  const runtimes = [...new Set(latencies.map(({ runtime }) => runtimeLabel(runtime)))].sort();
  const [chosen, choose] = useState<string | null>(null);
  const runtime = chosen ?? runtimes[0];
  const shown = useMemo(
    () => latencies.filter((latency) => runtimeLabel(latency.runtime) === runtime),
    [latencies, runtime],
  );
  const build = useCallback((context: ChartContext) => latencyHeatmap(shown, context), [shown]);
  if (!runtime) return <NothingMeasured device={device} />;
  return (
    <>
      {runtimes.length > 1 && (
        <label className="runtime-choice">
          Runtime{' '}
          <select value={runtime} onChange={(event) => choose(event.target.value)}>
            {runtimes.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <Chart
        title="Latency of blocks (ms)"
        note={`MBConv blocks by kernel (k), expansion (e) and shape (height×width×channels→out channels, /stride); coloured by the median, on a log scale. ${runtime}.`}
        build={build}
        twin="hidden"
      />
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
