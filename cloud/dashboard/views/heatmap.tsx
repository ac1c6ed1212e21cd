/** Heatmap: a runtime's latencies op by shape, and the samples behind the cell that is chosen. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import { useCallback } from 'react';
import { Chart } from '../charts/chart.js';
import { latencyHeatmap } from '../charts/latency-heatmap.js';
import { measurementBoxes } from '../charts/measurement-boxes.js';
import type { ChartContext } from '../charts/theme.js';
import { formatMs, runtimeLabel, workloadLabel } from '../format.js';
import { useChoices } from '../route.js';
import { useCall } from '../use-call.js';
import { Choice } from './choice.js';
import { Empty } from './status.js';

interface HeatmapProps {
  readonly deviceId: string;
  readonly runtime: RuntimeKey;
  /** Those of this runtime. */
  readonly latencies: readonly LatencyView[];
}

export function Heatmap({ deviceId, runtime, latencies }: HeatmapProps) {
  const [choice, choose] = useChoices();
  const cell = choice('cell');
  const selected = latencies.find(({ key }) => key === cell) ?? null;
  const selectedKey = selected?.key ?? null;
  const build = useCallback(
    (context: ChartContext) => latencyHeatmap(latencies, selectedKey, context),
    [latencies, selectedKey],
  );
  const pick = useCallback((key: string) => choose({ cell: key }), [choose]);
  return (
    <>
      <Chart
        title="Latency of blocks (ms)"
        note={
          <>
            Ops by kernel (k) and expansion (e), shapes as height×width×channels→out channels, /stride; coloured by the
            median, on a log scale. <CellMarks /> {runtimeLabel(runtime)}.
          </>
        }
        build={build}
        twin="hidden"
        onPick={pick}
      >
        <CellChoice latencies={latencies} selectedKey={selectedKey} onPick={pick} />
      </Chart>
      {selected && <Samples deviceId={deviceId} latency={selected} onClose={() => choose({ cell: null })} />}
    </>
  );
}

/** What hatching and a corner mean. */
export function CellMarks() {
  return (
    <span className="cell-marks">
      <svg width="16" height="12" aria-hidden="true">
        <path d="M1 6L6 1M1 11L11 1M6 11L15 2M11 11L15 7" className="hatch" />
      </svg>{' '}
      not measured,{' '}
      <svg width="16" height="12" aria-hidden="true">
        <path d="M5 1H15V11Z" className="corner" />
      </svg>{' '}
      in doubt.
    </span>
  );
}

interface CellChoiceProps {
  readonly latencies: readonly LatencyView[];
  readonly selectedKey: string | null;
  readonly onPick: (key: string) => void;
}

/** The way to a cell without a pointer, and to workloads that have no cell. */
function CellChoice({ latencies, selectedKey, onPick }: CellChoiceProps) {
  const options = latencies.map(({ key, workload, medianMs }) => {
    const { name, shapes } = workloadLabel(workload);
    return { value: key, text: `${name}, ${shapes}: ${formatMs(medianMs)}` };
  });
  const nothing = { value: '', text: 'choose here, or a cell in the picture' };
  return <Choice label="Samples of" value={selectedKey ?? ''} options={[nothing, ...options]} onChoose={onPick} />;
}

interface SamplesProps {
  readonly deviceId: string;
  readonly latency: LatencyView;
  readonly onClose: () => void;
}

function Samples({ deviceId, latency: { runtime, key, workload, doubt }, onClose }: SamplesProps) {
  const query = { runtime: JSON.stringify(runtime), key };
  const { value, failure } = useCall('GET /api/devices/:id/measurements', { id: deviceId, query });
  const build = useCallback((context: ChartContext) => measurementBoxes(value ?? [], context), [value]);
  const { name, shapes } = workloadLabel(workload);
  const title = `Samples of ${name}, ${shapes}`;
  if (value === null) return <Empty title={title} text={failure ?? 'Loading samples …'} failed={failure !== null} />;
  return (
    <Chart
      title={title}
      note="A box per measurement: half of its samples, the darker band the 95% interval of the median (line); whiskers from p5 to p95, points beyond, triangles beyond the picture. The table has the quietest, one without doubt where there is one: that which took the least time, before what slowed the device was taken out."
      build={build}
      twin="open"
    >
      <div className="row">
        {doubt && <span className="doubt">In doubt: {doubt}</span>}
        <button type="button" className="close" onClick={onClose}>
          Close
        </button>
      </div>
    </Chart>
  );
}
