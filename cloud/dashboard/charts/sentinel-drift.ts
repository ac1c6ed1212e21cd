/** sentinelDrift: one workload measured again and again, against the level at which it stands while nothing disturbs the device. */
import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';
import type { SentinelPoint } from '@bespoke/shared/protocol/api.js';
import type { CustomSeriesOption } from 'echarts/charts';
import { formatMs, formatPercent, formatSignificant, formatTime } from '../format.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import type { ChartContext, ChartTheme } from './theme.js';

/** How far a reading may be from the quiet level before it stands out. */
export const driftShare = 0.03;

export interface Drift {
  /** The median of the quieter half of all readings; null without readings. */
  readonly quietMs: number | null;
  readonly points: readonly (SentinelPoint & { readonly drifted: boolean })[];
  /** Spans between two readings in which what was measured is void. */
  readonly voided: readonly { readonly from: string; readonly to: string; readonly doubt: string }[];
}

/** Judges the readings of one runtime, oldest first. */
export function driftOf(series: readonly SentinelPoint[]): Drift {
  if (series.length === 0) return { quietMs: null, points: [], voided: [] };
  const quietMs = quantile(ascending(series.map(({ medianMs }) => medianMs)), 0.25);
  return {
    quietMs,
    points: series.map((point) => ({ ...point, drifted: Math.abs(point.medianMs / quietMs - 1) > driftShare })),
    voided: series.flatMap(({ measuredAt, doubt }, index) =>
      doubt === null ? [] : [{ from: series[Math.max(0, index - 1)]!.measuredAt, to: measuredAt, doubt }],
    ),
  };
}

/** One sentence: how steady the device was. */
export function driftText({ quietMs, points, voided }: Drift): string {
  if (quietMs === null) return 'No readings yet.';
  const most = Math.max(...points.map(({ medianMs }) => Math.abs(medianMs / quietMs - 1)));
  const driftedCount = points.filter(({ drifted }) => drifted).length;
  return [
    `${points.length} readings around ${formatMs(quietMs)}, at most ${formatPercent(most)} off`,
    `${driftedCount} beyond ${formatPercent(driftShare)}`,
    `${voided.length} void ${voided.length === 1 ? 'span' : 'spans'}.`,
  ].join('; ');
}

export function sentinelDrift(series: readonly SentinelPoint[], { theme }: ChartContext): ChartModel {
  const drift = driftOf(series);
  return {
    heightPx: 404,
    option: {
      ...baseOption(theme, driftText(drift)),
      grid: { left: 62, right: 46, top: 16, bottom: 48 },
      xAxis: {
        type: 'time',
        ...namedAxis(theme, 'measured at', 28),
        axisLabel: { ...axisStyle(theme).axisLabel, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: {
        type: 'value',
        ...rangeOf(drift),
        ...namedAxis(theme, 'sentinel (ms)', 46),
        axisLabel: { ...axisStyle(theme).axisLabel, showMinLabel: false, showMaxLabel: false },
      },
      series: [
        voidedSeries(drift, theme),
        bandSeries(drift, theme),
        intervalSeries(drift, theme),
        lineOf(drift, theme),
      ],
    },
    table: driftRows(drift),
  };
}

function driftRows({ quietMs, points }: Drift): ChartModel['table'] {
  return {
    columns: [
      { label: 'measured at' },
      { label: 'median (ms)', format: formatSignificant },
      { label: '95% low (ms)', format: formatSignificant },
      { label: '95% high (ms)', format: formatSignificant },
      { label: 'off the quiet level', format: formatPercent },
      { label: 'void before it' },
    ],
    rows: points.map(({ measuredAt, medianMs, lowMs, highMs, doubt }) => {
      const off = medianMs / quietMs! - 1;
      return [formatTime(measuredAt), medianMs, lowMs ?? 'not kept', highMs ?? 'not kept', off, doubt ?? ''];
    }),
  };
}

/** The axis holds the band and all intervals with a margin. */
function rangeOf({ quietMs, points }: Drift): { min: number; max: number } | Record<string, never> {
  if (quietMs === null) return {};
  const low = Math.min(quietMs * (1 - 2 * driftShare), ...points.map(({ lowMs, medianMs }) => lowMs ?? medianMs));
  const high = Math.max(quietMs * (1 + 2 * driftShare), ...points.map(({ highMs, medianMs }) => highMs ?? medianMs));
  return { min: Number((low * 0.99).toPrecision(3)), max: Number((high * 1.01).toPrecision(3)) };
}

/** The spans in which nothing counts, from the bottom to the top of the picture. */
function voidedSeries({ voided }: Drift, theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'void',
    z: 1,
    data: voided.map(({ from, to, doubt }) => ({
      value: [Date.parse(from), Date.parse(to)],
      tooltip: { formatter: `void from ${formatTime(from)} to ${formatTime(to)}:\n${doubt}` },
    })),
    encode: { x: [0, 1] },
    renderItem: ({ coordSys }, api) => {
      const { y, height } = coordSys as unknown as { y: number; height: number };
      const [from] = api.coord([api.value(0), 0]) as [number, number];
      const [to] = api.coord([api.value(1), 0]) as [number, number];
      const shape = { x: from, y, width: Math.max(2, to - from), height };
      return { type: 'rect', shape, style: { fill: theme.doubt, opacity: 0.16 } };
    },
  };
}

/** The quiet level's band, from edge to edge. */
function bandSeries({ quietMs }: Drift, theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'band',
    silent: true,
    z: 1,
    data: quietMs === null ? [] : [[quietMs * (1 - driftShare), quietMs * (1 + driftShare)]],
    encode: { y: [0, 1] },
    renderItem: ({ coordSys }, api) => {
      const { x, width } = coordSys as unknown as { x: number; width: number };
      const [, low] = api.coord([0, api.value(0)]) as [number, number];
      const [, high] = api.coord([0, api.value(1)]) as [number, number];
      const shape = { x, y: high, width, height: low - high };
      return { type: 'rect', shape, style: { fill: theme.third, opacity: 0.16 } };
    },
  };
}

/** The 95% intervals of the readings. */
function intervalSeries({ points }: Drift, theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: '95% interval',
    silent: true,
    data: points.flatMap(({ measuredAt, lowMs, highMs }) =>
      lowMs === null || highMs === null ? [] : [[Date.parse(measuredAt), lowMs, highMs]],
    ),
    encode: { x: 0, y: [1, 2] },
    renderItem: (_params, api) => {
      const [x, low] = api.coord([api.value(0), api.value(1)]) as [number, number];
      const [, high] = api.coord([api.value(0), api.value(2)]) as [number, number];
      return {
        type: 'line',
        shape: { x1: x, y1: low, x2: x, y2: high },
        style: { stroke: theme.first, lineWidth: 1.5, opacity: 0.6 },
      };
    },
  };
}

function lineOf({ points, quietMs }: Drift, theme: ChartTheme) {
  return {
    type: 'line' as const,
    name: 'median',
    z: 3,
    showSymbol: true,
    showAllSymbol: true,
    lineStyle: { width: 1.5, color: theme.first },
    data: points.map(({ measuredAt, medianMs, lowMs, highMs, drifted, doubt }) => ({
      value: [Date.parse(measuredAt), medianMs],
      symbol: drifted ? 'diamond' : 'circle',
      symbolSize: drifted ? 10 : 5,
      itemStyle: { color: drifted ? theme.doubt : theme.first },
      tooltip: {
        formatter: [
          formatTime(measuredAt),
          `median ${formatMs(medianMs)}`,
          ...(lowMs === null || highMs === null
            ? []
            : [`95% interval ${formatSignificant(lowMs)} to ${formatMs(highMs)}`]),
          ...(doubt === null ? [] : [`void before it: ${doubt}`]),
        ].join('\n'),
      },
    })),
    ...(quietMs === null ? {} : { markLine: quietLine(quietMs, theme) }),
  };
}

function quietLine(quietMs: number, theme: ChartTheme) {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: theme.third, width: 1.5, type: 'dashed' as const },
    label: {
      position: 'end' as const,
      color: theme.third,
      fontSize: 11,
      formatter: `±${100 * driftShare}%`,
    },
    data: [{ yAxis: quietMs }],
  };
}
