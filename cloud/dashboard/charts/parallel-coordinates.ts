/** parallelCoordinates: each individual as a line from its generation through all objectives; the lower it runs there, the better. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import type { CustomSeriesOption } from 'echarts/charts';
import { formatInteger } from '../format.js';
import { type Population, trainedOf } from './front.js';
import { baseOption, type ChartModel } from './model.js';
import { formatShort, individualText, objectiveColumns, objectiveLabel } from './objectives.js';
import type { ChartContext, ChartTheme } from './theme.js';

interface Axis {
  readonly label: string;
  readonly value: (individual: IndividualView) => number;
  readonly format: (value: number) => string;
  readonly low: number;
  readonly high: number;
}

/** Closer axes have their names in smaller letters. */
const smallBelowPx = 64;
/** Room for half a name at either side. */
const marginPx = { left: 40, right: 44 };

export function parallelCoordinates(population: Population, { theme, widthPx }: ChartContext): ChartModel {
  const trained = trainedOf(population);
  const axes = axesOf(trained);
  return {
    heightPx: 380,
    option: {
      ...baseOption(
        theme,
        `${trained.individuals.length} networks across ${axes.map(({ label }) => label).join(', ')}.`,
      ),
      grid: { ...marginPx, top: 30, bottom: 64 },
      xAxis: nameAxis(axes, widthPx, theme),
      yAxis: { type: 'value', min: 0, max: 1, show: false },
      series: [axisSeries(axes, theme), lineSeries(trained, axes, theme)],
    },
    table: {
      columns: [
        { label: 'individual', format: String },
        { label: 'generation', format: String },
        ...objectiveColumns(population.objectives),
      ],
      rows: trained.individuals.map(({ index, generation, objectives }) => [index, generation, ...objectives]),
    },
  };
}

/** Carries the names of all axes. */
function nameAxis(axes: readonly Axis[], widthPx: number, theme: ChartTheme) {
  const columnPx = (widthPx - marginPx.left - marginPx.right) / (axes.length - 1);
  return {
    type: 'value' as const,
    min: 0,
    max: axes.length - 1,
    interval: 1,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      color: theme.text,
      fontSize: columnPx < smallBelowPx ? 10 : 11,
      lineHeight: 13,
      margin: 24,
      showMinLabel: true,
      showMaxLabel: true,
      width: columnPx,
      overflow: 'break' as const,
      formatter: (at: number) => axes[at]?.label ?? '',
    },
  };
}

function axesOf({ individuals, objectives }: Population): Axis[] {
  const axis = (label: string, value: Axis['value'], format: Axis['format']): Axis => {
    const values = individuals.length === 0 ? [0] : individuals.map(value);
    return { label, value, format, low: Math.min(...values), high: Math.max(...values) };
  };
  return [
    axis('generation', ({ generation }) => generation, formatInteger),
    ...objectives.map((objective, place) =>
      axis(
        objectiveLabel(objective),
        (individual) => individual.objectives[place]!,
        (value) => formatShort(objective, value),
      ),
    ),
  ];
}

/** Where a value stands on its axis, 0..1. */
function share({ low, high }: Axis, value: number): number {
  return high > low ? (value - low) / (high - low) : 0.5;
}

/** The axes themselves, each with the values at its ends. */
function axisSeries(axes: readonly Axis[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'axes',
    silent: true,
    z: 1,
    data: axes.map((_, at) => [at, 0, 1]),
    encode: { x: 0, y: [1, 2] },
    renderItem: ({ dataIndex }, api) => {
      const { low, high, format } = axes[dataIndex]!;
      const [x, bottom] = api.coord([dataIndex, 0]) as [number, number];
      const [, top] = api.coord([dataIndex, 1]) as [number, number];
      const end = (value: number, y: number, verticalAlign: 'top' | 'bottom') => ({
        type: 'text' as const,
        style: { x, y, text: format(value), fill: theme.muted, fontSize: 11, align: 'center' as const, verticalAlign },
      });
      return {
        type: 'group',
        children: [
          {
            type: 'line',
            shape: { x1: x, y1: bottom, x2: x, y2: top },
            style: { stroke: theme.muted, lineWidth: 1 },
          },
          end(high, top - 6, 'bottom'),
          end(low, bottom + 6, 'top'),
        ],
      };
    },
  };
}

/** The front's lines over the others', the selected one over all. */
function lineSeries(population: Population, axes: readonly Axis[], theme: ChartTheme): CustomSeriesOption {
  const { individuals, front, selectedIndex, objectives } = population;
  const height = ({ index }: IndividualView) => (index === selectedIndex ? 2 : Number(front.has(index)));
  const styles = [
    { stroke: theme.muted, lineWidth: 1, opacity: 0.25 },
    { stroke: theme.first, lineWidth: 1.8, opacity: 0.85 },
    { stroke: theme.second, lineWidth: 3.5, opacity: 1 },
  ] as const;
  return {
    type: 'custom',
    name: 'individuals',
    z: 2,
    data: individuals.map((individual) => ({
      name: String(individual.index),
      value: [0, ...axes.map((axis) => share(axis, axis.value(individual)))],
      tooltip: { formatter: individualText(individual, objectives) },
    })),
    encode: { x: 0, y: axes.map((_, at) => at + 1) },
    renderItem: ({ dataIndex }, api) => {
      const rank = height(individuals[dataIndex]!);
      return {
        type: 'polyline',
        z2: rank,
        shape: { points: axes.map((_, at) => api.coord([at, api.value(at + 1)]) as [number, number]) },
        style: { fill: 'none', ...styles[rank] },
        emphasis: { style: { lineWidth: 3.5, opacity: 1 } },
      };
    },
  };
}
