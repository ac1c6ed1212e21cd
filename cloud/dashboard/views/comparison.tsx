/** Comparison: this device and runtime beside another device or another runtime, block by block. */
import type { DeviceView, LatencyView } from '@bespoke/shared/protocol/api.js';
import { useCallback, useMemo } from 'react';
import { Chart } from '../charts/chart.js';
import { comparisonText, latencyDiff, type Pair } from '../charts/latency-diff.js';
import type { ChartContext } from '../charts/theme.js';
import { runtimeLabel } from '../format.js';
import { useLive } from '../live.js';
import { useChoices } from '../route.js';
import { measuredRuntimes } from '../state.js';
import { Choice, plainOptions } from './choice.js';
import { CellMarks } from './heatmap.js';
import { Empty } from './status.js';

const title = 'Compared with';

interface ComparisonProps {
  readonly device: DeviceView;
  /** The runtime shown, by its label. */
  readonly runtime: string;
  /** All of the device's, whatever the runtime. */
  readonly latencies: readonly LatencyView[];
}

export function Comparison({ device, runtime, latencies }: ComparisonProps) {
  const { devices } = useLive('devices');
  const [choice, choose] = useChoices();
  const others = [...(devices?.values() ?? [])].filter(
    ({ id }) => id !== device.id || measuredRuntimes(latencies).length > 1,
  );
  const other = others.find(({ id }) => id === choice('with'));
  if (others.length === 0)
    return (
      <Empty
        title={title}
        text="There is nothing to compare with yet: another device, or another runtime of this one."
      />
    );
  const options = others.map(({ id, name }) => ({
    value: id,
    text: id === device.id ? `${name} (this device, another runtime)` : name,
  }));
  const select = (
    <Choice
      label={title}
      value={other?.id ?? ''}
      options={[{ value: '', text: 'choose a device' }, ...options]}
      onChoose={(id) => choose({ with: id, withRuntime: null })}
    />
  );
  return (
    <>
      <section className="card" aria-label="Comparison">
        {select}
      </section>
      {other && <WithOther {...{ device, runtime, latencies, other }} />}
    </>
  );
}

interface WithOtherProps extends ComparisonProps {
  readonly other: DeviceView;
}

/** The two tables, and which runtimes the other device could show; `otherRuntime` is undefined while it has none. */
function usePair({ device, runtime, latencies, other }: WithOtherProps) {
  const { latencies: known } = useLive(`latencies/${other.id}`);
  const [choice] = useChoices();
  const otherLatencies = useMemo(() => [...(known.get(other.id)?.values() ?? [])], [known, other.id]);
  const runtimes = measuredRuntimes(otherLatencies).filter((name) => other.id !== device.id || name !== runtime);
  // The same runtime is the fairer comparison where there is one.
  const wanted = [choice('withRuntime'), runtime].find((name) => name !== null && runtimes.includes(name));
  const otherRuntime = wanted ?? runtimes[0];
  const [ownName, otherName] = other.id === device.id ? [runtime, otherRuntime ?? ''] : [device.name, other.name];
  const pair = useMemo((): Pair => {
    const of = (all: readonly LatencyView[], label: string | undefined) =>
      all.filter((latency) => runtimeLabel(latency.runtime) === label);
    return { ownName, own: of(latencies, runtime), otherName, other: of(otherLatencies, otherRuntime) };
  }, [ownName, otherName, latencies, runtime, otherLatencies, otherRuntime]);
  return { pair, runtimes, otherRuntime };
}

function WithOther(props: WithOtherProps) {
  const { other, runtime } = props;
  const { latencies: known, failures } = useLive(`latencies/${other.id}`);
  const [, choose] = useChoices();
  const { pair, runtimes, otherRuntime } = usePair(props);
  const build = useCallback((context: ChartContext) => latencyDiff(pair, context), [pair]);
  if (otherRuntime === undefined) {
    const failure = failures.get(`latencies/${other.id}`);
    const waiting = known.has(other.id) ? `Nothing is measured on ${other.name} yet.` : 'Loading latencies …';
    return <Empty title={other.name} text={failure ?? waiting} failed={failure !== undefined} />;
  }
  return (
    <Chart
      title={`${pair.otherName} against ${pair.ownName}`}
      note={
        <>
          {comparisonText(pair)} Ratio of medians: blue is faster there, orange slower. <CellMarks /> {otherRuntime}{' '}
          against {runtime}.
        </>
      }
      build={build}
    >
      {runtimes.length > 1 && (
        <Choice
          label="Its runtime"
          value={otherRuntime}
          options={plainOptions(runtimes)}
          onChoose={(name) => choose({ withRuntime: name })}
        />
      )}
    </Chart>
  );
}
