/** measurementBoxes: all measurements of one workload side by side, each a box over its samples. */

import { type HostState, readingOf } from '@bespoke/shared/latency/measurement.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { ascending, type LatencySummary, quantile, summarize } from '@bespoke/shared/latency/statistics.js';
import type { MeasurementView } from '@bespoke/shared/protocol/api.js';
import type { CustomSeriesOption } from 'echarts/charts';
import { formatInteger, formatMs, formatPercent, formatSignificant, formatTime } from '../format.js';
import { axisStyle, baseOption, type Cell, type ChartModel, type Column, type DataTable, namedAxis } from './model.js';
import type { ChartContext, ChartTheme } from './theme.js';

/** One measurement as it is drawn. All times in ms. */
export interface SampleBox extends LatencySummary {
  readonly measurement: MeasurementView;
  readonly quarterMs: number;
  readonly threeQuartersMs: number;
  readonly maxMs: number;
  /** The samples under p5 or over p95. */
  readonly outliersMs: readonly number[];
}

export function sampleBox(measurement: MeasurementView): SampleBox {
  const sorted = ascending(measurement.samplesMs);
  const summary = summarize(sorted);
  return {
    ...summary,
    measurement,
    quarterMs: quantile(sorted, 0.25),
    threeQuartersMs: quantile(sorted, 0.75),
    maxMs: sorted.at(-1)!,
    outliersMs: sorted.filter((sample) => sample < summary.p5Ms || sample > summary.p95Ms),
  };
}

/** Room that a box needs beside its neighbours. */
const boxPitchPx = 44;

/**
 * Where the axis ends: as far above the quartiles as the least sample lies under them, so that a few samples of ten times
 * the median do not flatten all boxes. Whiskers may run out of the picture; points beyond are drawn at its edge.
 */
export function axisRange(boxes: readonly SampleBox[]): { min: number; max: number } {
  if (boxes.length === 0) return { min: 0, max: 1 };
  const least = Math.min(...boxes.map(({ minMs }) => minMs));
  const quartile = Math.max(...boxes.map(({ threeQuartersMs }) => threeQuartersMs));
  const most = Math.max(...boxes.map(({ maxMs }) => maxMs));
  const span = Math.max(quartile - least, 0.005 * quartile);
  const round = (ms: number) => Number(ms.toPrecision(3));
  return {
    min: round(Math.max(0, least - 0.15 * span)),
    max: round(Math.min(most, quartile + span) + 0.15 * span),
  };
}

export function measurementBoxes(
  measurements: readonly MeasurementView[],
  { theme, widthPx }: ChartContext,
): ChartModel {
  const boxes = measurements.map(sampleBox);
  const shown = boxes.slice(-Math.max(1, Math.floor((widthPx - 80) / boxPitchPx)));
  const { min, max } = axisRange(shown);
  return {
    heightPx: 320,
    option: {
      ...baseOption(theme, describe(boxes, shown.length)),
      grid: { left: 64, right: 16, top: 16, bottom: 64 },
      xAxis: {
        type: 'category',
        ...axisStyle(theme),
        axisTick: { show: false },
        splitLine: { show: false },
        data: shown.map(({ measurement }) => axisTime(measurement.measuredAt)),
        axisLabel: { ...axisStyle(theme).axisLabel, hideOverlap: true, lineHeight: 15 },
        ...{ name: 'measured at', nameLocation: 'middle' as const, nameGap: 44 },
      },
      yAxis: { type: 'value', min, max, ...namedAxis(theme, 'latency of one run (ms)', 48), axisLabel: endless(theme) },
      series: [boxSeries(shown, theme), outlierSeries(shown, max, theme)],
    },
    table: sampleRows(boxes),
  };
}

/** Axis labels without the two ends, which are seldom round. */
function endless(theme: ChartTheme) {
  return { ...axisStyle(theme).axisLabel, showMinLabel: false, showMaxLabel: false };
}

/** `11-24` over `09:30` */
function axisTime(iso: string): string {
  const [day, time] = formatTime(iso).split(' ') as [string, string];
  return `${day.slice(5)}\n${time.slice(0, 5)}`;
}

function describe(boxes: readonly SampleBox[], shownCount: number): string {
  const readings = boxes.map((box) => ({ ...box, ...readingOf(box.measurement) }));
  const isDoubtful = ({ measurement }: SampleBox) => Number(measurement.doubt !== null);
  const [quietest] = quietestFirst(readings).sort((a, b) => isDoubtful(a) - isDoubtful(b));
  if (!quietest) return 'No measurements yet.';
  const part = shownCount < boxes.length ? `, the latest ${shownCount} of them drawn` : '';
  return `${boxes.length} ${boxes.length === 1 ? 'measurement' : 'measurements'}${part}; the quietest has a median of ${formatMs(quietest.medianMs)}.`;
}

function boxSeries(boxes: readonly SampleBox[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'samples',
    clip: true,
    data: boxes.map((box, index) => ({
      value: [index, box.p5Ms, box.quarterMs, box.lowMs, box.medianMs, box.highMs, box.threeQuartersMs, box.p95Ms],
      tooltip: { formatter: boxTooltip(box) },
    })),
    encode: { x: 0, y: [1, 2, 3, 4, 5, 6, 7] },
    renderItem: (_params, api) => {
      const index = api.value(0) as number;
      const heights = [1, 2, 3, 4, 5, 6, 7].map(
        (dimension) => (api.coord([index, api.value(dimension)]) as [number, number])[1],
      );
      const [x] = api.coord([index, 0]) as [number, number];
      const halfPx = Math.min(22, 0.3 * (api.size!([1, 0]) as [number, number])[0]);
      return drawBox(x, halfPx, heights, boxes[index]!.measurement.doubt === null ? theme.first : theme.doubt);
    },
  };
}

/** A box at `x`; `heights` are the pixels of p5, lower quartile, interval's low, median, interval's high, upper quartile, p95. */
function drawBox(x: number, halfPx: number, heights: readonly number[], color: string) {
  const [p5, quarter, low, middle, high, threeQuarters, p95] = heights as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const line = (x1: number, y1: number, x2: number, y2: number, lineWidth: number) => ({
    type: 'line' as const,
    shape: { x1, y1, x2, y2 },
    style: { stroke: color, lineWidth },
  });
  const bar = (from: number, to: number, opacity: number) => ({
    type: 'rect' as const,
    shape: { x: x - halfPx, y: Math.min(from, to), width: 2 * halfPx, height: Math.max(1, Math.abs(from - to)) },
    style: { fill: color, opacity },
  });
  const children = [
    line(x, p5, x, quarter, 1.5),
    line(x, threeQuarters, x, p95, 1.5),
    line(x - halfPx / 2, p5, x + halfPx / 2, p5, 1.5),
    line(x - halfPx / 2, p95, x + halfPx / 2, p95, 1.5),
    bar(quarter, threeQuarters, 0.25),
    bar(low, high, 0.45),
    line(x - halfPx, middle, x + halfPx, middle, 2.5),
  ];
  return { type: 'group' as const, children };
}

/** Points beyond the whiskers; those above the axis are triangles at its edge. */
function outlierSeries(boxes: readonly SampleBox[], topMs: number, theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'samples beyond p5 and p95',
    data: boxes.flatMap(({ outliersMs }, index) =>
      outliersMs.map((ms) => ({
        value: [index, Math.min(ms, topMs), ms],
        tooltip: { formatter: `a sample of ${formatMs(ms)}` },
      })),
    ),
    encode: { x: 0, y: 1 },
    renderItem: (_params, api) => {
      const [x, y] = api.coord([api.value(0), api.value(1)]) as [number, number];
      const style = { fill: theme.second, opacity: 0.8 };
      if ((api.value(2) as number) <= topMs) return { type: 'circle', shape: { cx: x, cy: y, r: 2.5 }, style };
      const points = [
        [x, y],
        [x - 4, y + 7],
        [x + 4, y + 7],
      ];
      return { type: 'polygon', shape: { points }, style };
    },
  };
}

function boxTooltip(box: SampleBox): string {
  const { doubt, measuredAt, host } = box.measurement;
  return [
    formatTime(measuredAt),
    `median ${formatMs(box.medianMs)}, n = ${box.count}`,
    `95% interval ${formatSignificant(box.lowMs)} to ${formatMs(box.highMs)}`,
    `p5 ${formatSignificant(box.p5Ms)}, p95 ${formatSignificant(box.p95Ms)}, least ${formatMs(box.minMs)}`,
    ...hostCells(host).map(([{ label, format }, cell]) => {
      return `${label}: ${format && typeof cell === 'number' ? format(cell) : cell}`;
    }),
    ...(doubt ? [`in doubt: ${doubt}`] : []),
  ].join('\n');
}

/** What the host's state is called, and how it is written. */
const hostColumns: { readonly [F in keyof HostState]: Column } = {
  loadAverage: { label: 'load', format: formatSignificant },
  waitedShare: { label: 'without a core', format: formatPercent },
  slowness: { label: 'times slower', format: formatSignificant },
  quietestMs: { label: 'block at its quietest (ms)', format: formatSignificant },
  frequencyBeforeMhz: { label: 'clock before (MHz)', format: formatInteger },
  frequencyAfterMhz: { label: 'clock after (MHz)', format: formatInteger },
  governor: { label: 'governor' },
  temperatureC: { label: 'temperature (°C)', format: formatSignificant },
  throttled: { label: 'throttled' },
  batteryPercent: { label: 'battery (%)', format: formatInteger },
  charging: { label: 'charging' },
};

/** What the device tells of itself around a measurement, column by column. */
function hostCells(host: HostState): (readonly [Column, Cell])[] {
  return Object.entries(hostColumns).map(([field, column]) => {
    const value = host[field as keyof HostState] ?? 'not told';
    return [column, typeof value === 'boolean' ? (value ? 'yes' : 'no') : value];
  });
}

/** Every measurement with its statistics and the state of the host. */
export function sampleRows(boxes: readonly SampleBox[]): DataTable {
  return {
    columns: [
      { label: 'measured at' },
      ...['median', '95% low', '95% high', 'p5', 'p95', 'least'].map((name) => ({
        label: `${name} (ms)`,
        format: formatSignificant,
      })),
      { label: 'n', format: formatInteger },
      ...Object.values(hostColumns),
      { label: 'runs per sample', format: formatInteger },
      { label: 'overhead (ms)', format: formatSignificant },
      { label: 'in doubt' },
    ],
    rows: boxes.map(({ measurement, ...box }) => [
      formatTime(measurement.measuredAt),
      ...[box.medianMs, box.lowMs, box.highMs, box.p5Ms, box.p95Ms, box.minMs, box.count],
      ...hostCells(measurement.host).map(([, cell]) => cell),
      measurement.batchSize,
      measurement.overheadMs,
      measurement.doubt ?? '',
    ]),
  };
}
