/** hypervolume: how much of the space of objectives the front has taken, after each individual. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import type { LineSeriesOption } from 'echarts/charts';
import { formatInteger, formatPercent } from '../format.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import type { ChartContext, ChartTheme } from './theme.js';

interface Course {
  readonly individuals: readonly IndividualView[];
  /** How many there will be. */
  readonly evaluationCount: number;
  /** How many of them the other pictures show. */
  readonly shownCount: number;
}

interface Point {
  /** How many networks were evaluated by then. */
  readonly evaluatedCount: number;
  readonly generation: number;
  /** Of the box, 0..1. */
  readonly share: number;
}

export function hypervolume(course: Course, { theme }: ChartContext): ChartModel {
  const { individuals, evaluationCount } = course;
  const points = individuals.flatMap(({ index, generation, hypervolume: share }): Point[] =>
    share === null ? [] : [{ evaluatedCount: index + 1, generation, share }],
  );
  return {
    heightPx: 260,
    option: {
      ...baseOption(theme, describe(points.at(-1), evaluationCount)),
      grid: { left: 60, right: 24, top: 20, bottom: 44 },
      tooltip: { ...baseOption(theme, '').tooltip, trigger: 'axis' },
      xAxis: {
        type: 'value',
        min: 0,
        max: Math.max(evaluationCount, individuals.length, 1),
        ...namedAxis(theme, 'networks', 26),
        axisLabel: { ...axisStyle(theme).axisLabel, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: { type: 'value', scale: true, ...namedAxis(theme, 'hypervolume (%)', 42) },
      series: [lineOf(points, course, theme)],
    },
    table: {
      columns: [
        { label: 'networks', format: formatInteger },
        { label: 'generation', format: formatInteger },
        { label: 'hypervolume', format: formatPercent },
      ],
      rows: points.map(({ evaluatedCount, generation, share }) => [evaluatedCount, generation, share]),
    },
  };
}

function describe(last: Point | undefined, evaluationCount: number): string {
  if (!last) return 'The first population is not complete yet.';
  return `Hypervolume ${formatPercent(last.share)} after ${last.evaluatedCount} of ${evaluationCount} networks.`;
}

function lineOf(points: readonly Point[], { individuals, shownCount }: Course, theme: ChartTheme): LineSeriesOption {
  return {
    type: 'line',
    name: 'hypervolume (%)',
    step: 'end',
    showSymbol: points.length < 2,
    lineStyle: { width: 2.5, color: theme.third },
    itemStyle: { color: theme.third },
    data: points.map(({ evaluatedCount, share }) => [evaluatedCount, Number((100 * share).toPrecision(4))]),
    ...(shownCount < individuals.length ? { markLine: shownLine(shownCount, theme) } : {}),
  };
}

function shownLine(shownCount: number, theme: ChartTheme) {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: theme.muted, width: 1.5, type: 'dashed' as const },
    label: { position: 'insideStartTop' as const, color: theme.muted, fontSize: 12, formatter: 'shown' },
    data: [{ xAxis: shownCount }],
  };
}
