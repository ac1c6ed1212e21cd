/** opShares: which ops the cells of each generation were made of, normal and reduction cells together. */
import type { CellOp } from '@bespoke/shared/network/cell-op.js';
import { cellOps } from '@bespoke/shared/network/cell-op.js';
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { formatInteger, formatPercent } from '../format.js';
import { cellOpLooks } from './cell-ops.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import type { ChartContext, ChartTheme } from './theme.js';

export interface OpCounts {
  readonly generation: number;
  readonly counts: ReadonlyMap<CellOp, number>;
  readonly total: number;
}

/** Generations in order, those without a known cell left out. */
export function countOps(individuals: readonly IndividualView[]): OpCounts[] {
  const byGeneration = new Map<number, Map<CellOp, number>>();
  for (const { generation, genotype } of individuals) {
    if (!genotype) continue;
    const counts = byGeneration.get(generation) ?? new Map<CellOp, number>();
    for (const [op] of [...genotype.normal, ...genotype.reduce]) counts.set(op, (counts.get(op) ?? 0) + 1);
    byGeneration.set(generation, counts);
  }
  return [...byGeneration]
    .sort(([a], [b]) => a - b)
    .map(([generation, counts]) => ({ generation, counts, total: [...counts.values()].reduce((a, b) => a + b, 0) }));
}

export function opShares(individuals: readonly IndividualView[], { theme, widthPx }: ChartContext): ChartModel {
  const generations = countOps(individuals);
  const ops = cellOps.filter((op) => generations.some(({ counts }) => counts.has(op)));
  const legendRowCount = Math.ceil((ops.length * 84) / Math.max(1, widthPx));
  return {
    heightPx: 280 + 24 * legendRowCount,
    option: {
      ...baseOption(theme, `Shares of ${ops.length} ops in the cells of ${generations.length} generations.`),
      grid: { left: 58, right: 20, top: 12 + 24 * legendRowCount, bottom: 44 },
      legend: { top: 0, textStyle: { color: theme.text }, itemWidth: 14, selectedMode: false },
      xAxis: {
        type: 'category',
        ...namedAxis(theme, 'generation', 26),
        axisTick: { show: false },
        data: generations.map(({ generation }) => String(generation)),
      },
      yAxis: {
        type: 'value',
        min: 0,
        max: 100,
        ...namedAxis(theme, 'share of ops (%)', 40),
        splitLine: { show: false },
        axisLabel: axisStyle(theme).axisLabel,
      },
      series: ops.map((op) => opSeries(op, generations, theme)),
    },
    table: opRows(generations, ops),
  };
}

function opSeries(op: CellOp, generations: readonly OpCounts[], theme: ChartTheme) {
  const { label, color } = cellOpLooks[op];
  return {
    type: 'bar' as const,
    name: label,
    stack: 'ops',
    barWidth: '86%',
    itemStyle: { color, borderColor: theme.surface, borderWidth: 0.5 },
    tooltip: {
      formatter: ({ name, value }: { name: string; value?: unknown }) =>
        `generation ${name}: ${label} ${Number(value).toFixed(1)}%`,
    },
    data: generations.map(({ counts, total }) => Number(((100 * (counts.get(op) ?? 0)) / total).toFixed(2))),
  };
}

function opRows(generations: readonly OpCounts[], ops: readonly CellOp[]): ChartModel['table'] {
  return {
    columns: [
      { label: 'generation', format: formatInteger },
      { label: 'op' },
      { label: 'count', format: formatInteger },
      { label: 'share', format: formatPercent },
    ],
    rows: generations.flatMap(({ generation, counts, total }) =>
      ops.map((op) => [generation, cellOpLooks[op].label, counts.get(op) ?? 0, (counts.get(op) ?? 0) / total]),
    ),
  };
}
