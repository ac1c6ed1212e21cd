/** predictionScatter: whole networks as the sum of blocks predicts them against what the device measured. */
import type { PredictorView } from '@bespoke/shared/protocol/api.js';
import type { CustomSeriesOption, LineSeriesOption } from 'echarts/charts';
import { formatCount, formatMs, formatPercent, formatSignificant } from '../format.js';
import { holdOutText } from '../predictors.js';
import { type LatencyAxis, latencyAxis } from './latency-axis.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import type { ChartContext, ChartTheme } from './theme.js';

type Point = PredictorView['points'][number];

export function predictionScatter({ points, holdOut }: PredictorView, { theme }: ChartContext): ChartModel {
  const axis = latencyAxis(points.flatMap(({ predictedMs, lowMs, highMs }) => [predictedMs, lowMs, highMs]));
  return {
    heightPx: 340,
    option: {
      ...baseOption(theme, `Predicted against measured latency of ${points.length} networks: ${holdOutText(holdOut)}.`),
      grid: { left: 60, right: 20, top: 34, bottom: 48 },
      legend: {
        top: 0,
        textStyle: { color: theme.text },
        selectedMode: false,
        data: ['fitted', 'held out'],
      },
      xAxis: { ...axisOption(axis), ...namedAxis(theme, 'measured (ms)', 28), ...ticksOf(axis, theme) },
      yAxis: { ...axisOption(axis), ...namedAxis(theme, 'predicted (ms)', 42), ...ticksOf(axis, theme) },
      series: [
        ruler('equal', 1, axis, theme),
        ruler('±10%', 1.1, axis, theme),
        ruler('±10%', 1 / 1.1, axis, theme),
        intervals(points, axis, theme),
        dots(
          'fitted',
          points.filter(({ heldOut }) => !heldOut),
          axis,
          theme,
        ),
        dots(
          'held out',
          points.filter(({ heldOut }) => heldOut),
          axis,
          theme,
        ),
      ],
    },
    table: predictionRows(points),
  };
}

function axisOption({ place, lowMs, highMs }: LatencyAxis) {
  return { type: 'value' as const, min: place(lowMs), max: place(highMs) };
}

/** Labels at the axis's own ticks, whichever way it is scaled. */
function ticksOf({ place, ticksMs, logarithmic }: LatencyAxis, theme: ChartTheme) {
  const customValues = ticksMs.map(place);
  return {
    axisTick: { ...axisStyle(theme).axisTick, customValues },
    axisLabel: {
      ...axisStyle(theme).axisLabel,
      customValues,
      formatter: (value: number) => String(Number((logarithmic ? 10 ** value : value).toPrecision(6))),
    },
    splitLine: { show: false },
  };
}

/** The line on which predicted is `factor` times measured. */
function ruler(
  name: string,
  factor: number,
  { place, lowMs, highMs }: LatencyAxis,
  theme: ChartTheme,
): LineSeriesOption {
  const ends = factor > 1 ? [lowMs, highMs / factor] : [lowMs / factor, highMs];
  return {
    type: 'line',
    name,
    silent: true,
    showSymbol: false,
    symbol: 'none',
    z: 1,
    lineStyle: { color: theme.muted, width: 1.2, type: factor === 1 ? 'solid' : 'dashed' },
    itemStyle: { color: theme.muted },
    data: ends.map((measuredMs) => [place(measuredMs), place(factor * measuredMs)]),
  };
}

/** The 95% intervals of what was measured. */
function intervals(points: readonly Point[], { place }: LatencyAxis, theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: '95% interval',
    silent: true,
    z: 2,
    data: points.map(({ predictedMs, lowMs, highMs }) => [place(lowMs), place(highMs), place(predictedMs)]),
    encode: { x: [0, 1], y: 2 },
    renderItem: (_params, api) => {
      const [from, y] = api.coord([api.value(0), api.value(2)]) as [number, number];
      const [to] = api.coord([api.value(1), api.value(2)]) as [number, number];
      return {
        type: 'line',
        shape: { x1: from, y1: y, x2: to, y2: y },
        style: { stroke: theme.muted, lineWidth: 1.5 },
      };
    },
  };
}

/** A line series that draws its symbols only. */
function dots(
  name: 'fitted' | 'held out',
  points: readonly Point[],
  { place }: LatencyAxis,
  theme: ChartTheme,
): LineSeriesOption {
  const color = name === 'fitted' ? theme.first : theme.second;
  return {
    type: 'line',
    name,
    z: 3,
    showSymbol: true,
    showAllSymbol: true,
    symbol: name === 'fitted' ? 'circle' : 'diamond',
    symbolSize: name === 'fitted' ? 8 : 11,
    lineStyle: { width: 0, color },
    itemStyle: { color, borderColor: theme.surface, borderWidth: 1 },
    data: points.map((point) => ({
      value: [place(point.measuredMs), place(point.predictedMs)],
      tooltip: { formatter: pointTooltip(name, point) },
    })),
  };
}

function pointTooltip(name: string, { predictedMs, measuredMs, lowMs, highMs, macs }: Point): string {
  return [
    `${name}, ${formatCount(macs)} MACs`,
    `predicted ${formatMs(predictedMs)}`,
    `measured ${formatMs(measuredMs)}`,
    `95% interval ${formatSignificant(lowMs)} to ${formatMs(highMs)}`,
    `error ${formatPercent(predictedMs / measuredMs - 1)}`,
  ].join('\n');
}

function predictionRows(points: readonly Point[]): ChartModel['table'] {
  return {
    columns: [
      { label: 'part' },
      { label: 'sum of blocks (ms)', format: formatSignificant },
      { label: 'predicted (ms)', format: formatSignificant },
      { label: 'measured (ms)', format: formatSignificant },
      { label: '95% low (ms)', format: formatSignificant },
      { label: '95% high (ms)', format: formatSignificant },
      { label: 'error', format: formatPercent },
      { label: 'MACs', format: formatCount },
    ],
    rows: points.map(({ heldOut, sumMs, predictedMs, measuredMs, lowMs, highMs, macs }) => {
      const error = predictedMs / measuredMs - 1;
      return [heldOut ? 'held out' : 'fitted', sumMs, predictedMs, measuredMs, lowMs, highMs, error, macs];
    }),
  };
}
