/** frontChart: a population in two of its objectives, both the less the better. Its front stands out; with two objectives it is a line. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import type { LineSeriesOption } from 'echarts/charts';
import { type Population, trainedOf } from './front.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import {
  formatShort,
  individualText,
  isMeasured,
  type Objective,
  objectiveColumns,
  objectiveLabel,
  objectiveText,
} from './objectives.js';
import { paddedRange } from './padded-range.js';
import type { ChartContext, ChartTheme } from './theme.js';

/** The objectives along and up. */
export type FrontAxes = readonly [x: number, y: number];

type Place = (individual: IndividualView) => [x: number, y: number];

/** A narrower legend takes two rows. */
const oneRowFromPx = 420;

export function frontChart(population: Population, [x, y]: FrontAxes, { theme, widthPx }: ChartContext): ChartModel {
  const trained = trainedOf(population);
  const { objectives, individuals, front } = trained;
  const place: Place = ({ objectives: values }) => [values[x]!, values[y]!];
  const axis = (index: number) => ({
    type: 'value' as const,
    ...paddedRange([...individuals.map(({ objectives: values }) => values[index]!), ...limitOf(objectives[index]!)]),
  });
  return {
    heightPx: 380,
    option: {
      ...baseOption(theme, `${front.size} of ${individuals.length} trained networks are in the front.`),
      grid: { left: 66, right: 22, top: widthPx < oneRowFromPx ? 74 : 50, bottom: 46 },
      legend: { top: 0, textStyle: { color: theme.text }, itemWidth: 14, selectedMode: false, data: [...kinds] },
      xAxis: { ...axis(x), ...axisWords(objectives[x]!, 26, theme), splitNumber: widthPx < oneRowFromPx ? 3 : 5 },
      yAxis: { ...axis(y), ...axisWords(objectives[y]!, 50, theme) },
      series: [
        ...(objectives.length === 2 ? [stairs(trained, place, theme)] : []),
        ...kinds.map((kind) => dots(kind, trained, place, theme)),
        selectedRing(trained, place, theme),
        limits(objectives[x]!, objectives[y]!, theme),
      ],
    },
    table: populationRows(population),
  };
}

const kinds = ['front, measured', 'front, predicted', 'others'] as const;
type Kind = (typeof kinds)[number];

function kindOf(individual: IndividualView, { front }: Population): Kind {
  if (!front.has(individual.index)) return 'others';
  return isMeasured(individual) ? 'front, measured' : 'front, predicted';
}

/** A line series that draws its symbols only. Measured ones have a ring, predicted ones are hollow; so have and are the others, faded. */
function dots(kind: Kind, population: Population, place: Place, theme: ChartTheme): LineSeriesOption {
  const color = kind === 'others' ? theme.muted : theme.first;
  const style = (measured: boolean) => ({
    color: measured ? color : theme.surface,
    borderColor: measured && kind !== 'others' ? theme.text : color,
    borderWidth: kind === 'others' ? 1 : 2,
    opacity: kind === 'others' ? 0.4 : 1,
  });
  return {
    type: 'line',
    name: kind,
    z: kind === 'others' ? 2 : 3,
    showSymbol: true,
    showAllSymbol: true,
    symbol: 'circle',
    symbolSize: kind === 'others' ? 7 : 11,
    lineStyle: { width: 0, color },
    itemStyle: style(kind !== 'front, predicted'),
    data: population.individuals
      .filter((individual) => kindOf(individual, population) === kind)
      .map((individual) => ({
        name: String(individual.index),
        value: place(individual),
        ...(population.knees.has(individual.index) && { symbol: 'diamond', symbolSize: 17 }),
        itemStyle: style(isMeasured(individual)),
        tooltip: { formatter: individualText(individual, population.objectives) },
      })),
  };
}

/** The edge of what is reached: right of it or above it lies what the front beats. */
function stairs({ individuals, front }: Population, place: Place, theme: ChartTheme): LineSeriesOption {
  return {
    type: 'line',
    name: 'edge of the front',
    silent: true,
    z: 1,
    showSymbol: false,
    step: 'end',
    lineStyle: { color: theme.first, width: 1.5, opacity: 0.6 },
    data: individuals
      .filter(({ index }) => front.has(index))
      .map(place)
      .sort(([a], [b]) => a - b),
  };
}

function selectedRing({ individuals, selectedIndex }: Population, place: Place, theme: ChartTheme): LineSeriesOption {
  return {
    type: 'line',
    name: 'selected',
    silent: true,
    z: 4,
    showSymbol: true,
    symbol: 'circle',
    symbolSize: 22,
    itemStyle: { color: 'transparent', borderColor: theme.second, borderWidth: 3 },
    data: individuals.filter(({ index }) => index === selectedIndex).map(place),
  };
}

/** The budgets, as lines that nothing should pass. */
function limits(x: Objective, y: Objective, theme: ChartTheme): LineSeriesOption {
  const lines = [
    ...limitOf(x).map((limit) => ({
      xAxis: limit,
      name: objectiveText(x, limit),
      label: { position: 'end' as const, align: 'right' as const },
    })),
    ...limitOf(y).map((limit) => ({
      yAxis: limit,
      name: objectiveText(y, limit),
      label: { position: 'insideEndTop' as const },
    })),
  ];
  return {
    type: 'line',
    name: 'limits',
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: theme.budget, width: 1.5, type: 'dashed' },
      label: {
        color: theme.budget,
        fontSize: 12,
        formatter: ({ name }) => `limit: ${name}`,
      },
      data: lines,
    },
  };
}

function limitOf({ limit }: Objective): number[] {
  return limit === null ? [] : [limit];
}

function axisWords(objective: Objective, gapPx: number, theme: ChartTheme) {
  return {
    ...namedAxis(theme, objectiveLabel(objective), gapPx),
    axisLabel: {
      ...axisStyle(theme).axisLabel,
      formatter: (value: number) => formatShort(objective, value),
      hideOverlap: true,
      // The ends are where the margin needs them, seldom round numbers.
      showMinLabel: false,
      showMaxLabel: false,
    },
  };
}

function populationRows(population: Population): ChartModel['table'] {
  return {
    columns: [
      { label: 'individual', format: String },
      { label: 'generation', format: String },
      ...objectiveColumns(population.objectives),
      { label: 'what' },
      { label: 'latency' },
    ],
    rows: population.individuals.map((individual) => [
      individual.index,
      individual.generation,
      ...individual.objectives,
      rank(individual, population),
      isMeasured(individual) ? 'measured' : 'predicted',
    ]),
  };
}

function rank({ index, accuracy, violation }: IndividualView, { front, knees }: Population): string {
  if (accuracy === null) return 'ended early';
  if (violation > 0) return 'beyond its limits';
  if (knees.has(index)) return 'front, knee';
  return front.has(index) ? 'front' : 'dominated';
}
