/** latencyDiff: how much slower or faster one table is than another, block by block, in the heatmap's layout. */

import { ascending, median } from '@bespoke/shared/latency/statistics.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import { formatMs, formatRatio, formatSignificant, workloadLabel } from '../format.js';
import { gridChart } from './grid-chart.js';
import { type GridPlace, type LatencyGrid, latencyGrid } from './latency-grid.js';
import { placeLabel } from './latency-heatmap.js';
import type { ChartModel } from './model.js';
import { type ChartContext, divergingStops, logShare } from './theme.js';

/** Two tables with the names that people know them by. */
export interface Pair {
  readonly ownName: string;
  readonly own: readonly LatencyView[];
  readonly otherName: string;
  readonly other: readonly LatencyView[];
}

export interface RatioCell extends GridPlace {
  readonly own: LatencyView;
  readonly other: LatencyView;
  /** Other's median by own's: above 1 the other is slower. */
  readonly ratio: number;
}

/** What both tables have, and where one of them lacks a latency. */
export function compareLatencies({ own, other }: Pair): {
  readonly grid: LatencyGrid;
  readonly ratios: readonly RatioCell[];
  readonly lacking: readonly GridPlace[];
} {
  const grid = latencyGrid([...own, ...other]);
  const otherByKey = new Map(other.map((latency) => [latency.key, latency]));
  const owned = new Set(own);
  const ratios = grid.cells.flatMap(({ latency, block, shape }) => {
    const match = owned.has(latency) ? otherByKey.get(latency.key) : undefined;
    return match ? [{ own: latency, other: match, ratio: match.medianMs / latency.medianMs, block, shape }] : [];
  });
  const both = new Set(ratios.map((cell) => cell.own.key));
  const alone = grid.cells.filter(({ latency }) => !both.has(latency.key));
  return { grid, ratios, lacking: [...grid.gaps, ...alone] };
}

/** Spearman's rank correlation of two equally long lists, -1..1; null for fewer than 3 pairs or where all are equal. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < 3) return null;
  const [ranksA, ranksB] = [ranksOf(a), ranksOf(b)];
  const mean = (a.length - 1) / 2;
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, index) => sum + (value - mean) * (y[index]! - mean), 0);
  const scale = Math.sqrt(dot(ranksA, ranksA) * dot(ranksB, ranksB));
  return scale === 0 ? null : dot(ranksA, ranksB) / scale;
}

/** Ranks from 0; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = ascending(values);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
}

/** One sentence: how the other compares. */
export function comparisonText(pair: Pair): string {
  const { ratios } = compareLatencies(pair);
  if (ratios.length === 0) return `${pair.otherName} and ${pair.ownName} have no workload in common yet.`;
  const middle = median(ratios.map(({ ratio }) => ratio));
  const correlation = rankCorrelation(
    ratios.map((cell) => cell.own.medianMs),
    ratios.map((cell) => cell.other.medianMs),
  );
  const rank = correlation === null ? '' : `, rank correlation ${correlation.toFixed(3)}`;
  return `${pair.otherName} takes ${formatRatio(middle)} the time of ${pair.ownName} (median of ${ratios.length} blocks)${rank}.`;
}

export function latencyDiff(pair: Pair, context: ChartContext): ChartModel {
  const { grid, ratios, lacking } = compareLatencies(pair);
  // The scale reaches as far down as up, so that its middle is 1; at least 5%, so that noise stays pale.
  const most = Math.max(1.05, ...ratios.map(({ ratio }) => Math.max(ratio, 1 / ratio)));
  const picture = gridChart(
    {
      description: comparisonText(pair),
      blocks: grid.blocks,
      shapes: grid.shapes,
      cells: ratios.map((cell) => ({
        block: cell.block,
        shape: cell.shape,
        key: cell.own.key,
        share: logShare(cell.ratio, 1 / most, most),
        label: cell.ratio.toFixed(2),
        tooltip: ratioTooltip(pair, grid, cell),
        doubtful: Boolean(cell.own.doubt || cell.other.doubt),
      })),
      gaps: lacking.map((gap) => ({ ...gap, tooltip: `${placeLabel(grid, gap)}\nnot measured on both` })),
      scale: {
        stops: divergingStops,
        low: `${formatRatio(1 / most)} (faster)`,
        high: `(slower) ${formatRatio(most)}`,
      },
      selectedKey: null,
    },
    context,
  );
  return { ...picture, table: ratioRows(pair, ratios) };
}

function ratioTooltip({ ownName, otherName }: Pair, grid: LatencyGrid, cell: RatioCell): string {
  return [
    placeLabel(grid, cell),
    formatRatio(cell.ratio),
    `${ownName}: ${formatMs(cell.own.medianMs)}`,
    `${otherName}: ${formatMs(cell.other.medianMs)}`,
    ...[cell.own.doubt, cell.other.doubt].flatMap((doubt) => (doubt ? [`in doubt: ${doubt}`] : [])),
  ].join('\n');
}

function ratioRows({ ownName, otherName }: Pair, ratios: readonly RatioCell[]): ChartModel['table'] {
  return {
    columns: [
      { label: 'workload' },
      { label: 'shapes' },
      { label: `this: ${ownName} (ms)`, format: formatSignificant },
      { label: `other: ${otherName} (ms)`, format: formatSignificant },
      { label: 'ratio', format: formatSignificant },
    ],
    rows: ratios.map(({ own, other, ratio }) => {
      const { name, shapes } = workloadLabel(own.workload);
      return [name, shapes, own.medianMs, other.medianMs, ratio];
    }),
  };
}
