/** Drift: how steady the device is, told by one workload measured again and again. */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { useCallback, useMemo } from 'react';
import { Chart } from '../charts/chart.js';
import { driftOf, driftText, sentinelDrift } from '../charts/sentinel-drift.js';
import type { ChartContext } from '../charts/theme.js';
import { useCall } from '../use-call.js';
import { Empty } from './status.js';

const title = 'Drift of the sentinel';

export function Drift({ deviceId, runtime }: { readonly deviceId: string; readonly runtime: RuntimeKey }) {
  const { value, failure } = useCall('GET /api/devices/:id/sentinel', { id: deviceId });
  const name = canonicalJson(runtime);
  const series = useMemo(() => (value ?? []).filter((point) => canonicalJson(point.runtime) === name), [value, name]);
  const build = useCallback((context: ChartContext) => sentinelDrift(series, context), [series]);
  if (value === null) return <Empty title={title} text={failure ?? 'Loading readings …'} failed={failure !== null} />;
  if (series.length === 0)
    return (
      <Empty
        title={title}
        text="No readings with this runtime yet. The sentinel, one fixed workload, is measured between the jobs of a study; here stands how far it strays from its quiet level."
      />
    );
  return (
    <Chart
      title={title}
      note={`${driftText(driftOf(series))} Green: the quiet level. Red: what was measured then is void.`}
      build={build}
    />
  );
}
