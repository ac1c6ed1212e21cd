/** latencyHeatmap: a device's latencies of blocks, op by shape, coloured by the log of the median. */

import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import { formatInteger, formatMs, formatSignificant, formatTime, runtimeLabel, workloadLabel } from '../format.js';
import { gridChart } from './grid-chart.js';
import { type GridCell, type GridPlace, type LatencyGrid, latencyGrid } from './latency-grid.js';
import type { ChartModel, DataTable } from './model.js';
import { type ChartContext, logShare, viridisStops } from './theme.js';

/** The share of cells under the scale's low end: one tiny head would else take half of the colours from all others. */
const lowEndShare = 0.04;

/** Draws the latencies of one runtime; the cell of `selectedKey` stands out. */
export function latencyHeatmap(
  latencies: readonly LatencyView[],
  selectedKey: string | null,
  context: ChartContext,
): ChartModel {
  const grid = latencyGrid(latencies);
  const medians = ascending(grid.cells.map(({ latency }) => latency.medianMs));
  const [least, high] = medians.length === 0 ? [1, 1] : [medians[0]!, medians.at(-1)!];
  const low = medians.length === 0 ? 1 : quantile(medians, lowEndShare);
  const doubtfulCount = grid.cells.filter(({ latency }) => latency.doubt).length;
  const doubts = doubtfulCount > 0 ? ` In doubt: ${doubtfulCount}.` : '';
  const picture = gridChart(
    {
      ...grid,
      description: `Medians of ${grid.cells.length} blocks, from ${formatMs(least)} to ${formatMs(high)}; ${grid.gaps.length} not measured.${doubts}`,
      cells: grid.cells.map((cell) => ({
        ...cell,
        key: cell.latency.key,
        share: logShare(cell.latency.medianMs, low, high),
        label: formatSignificant(cell.latency.medianMs),
        tooltip: cellTooltip(grid, cell),
        doubtful: Boolean(cell.latency.doubt),
      })),
      gaps: grid.gaps.map((gap) => ({ ...gap, tooltip: `${placeLabel(grid, gap)}\nnot measured` })),
      scale: { stops: viridisStops, low: `${least < low ? '≤ ' : ''}${formatMs(low)}`, high: formatMs(high) },
      selectedKey,
    },
    context,
  );
  return { ...picture, table: latencyRows(latencies) };
}

/** `k3 e6   32×32×16→24` */
export function placeLabel(grid: LatencyGrid, { block, shape }: GridPlace): string {
  return `${grid.blocks[block]}   ${grid.shapes[shape]}`;
}

function cellTooltip(grid: LatencyGrid, cell: GridCell): string {
  const { medianMs, lowMs, highMs, count, doubt } = cell.latency;
  return [
    placeLabel(grid, cell),
    `median ${formatMs(medianMs)}`,
    `95% interval ${formatSignificant(lowMs)} to ${formatMs(highMs)}`,
    `n = ${count} samples`,
    ...(doubt ? [`in doubt: ${doubt}`] : []),
  ].join('\n');
}

/** All latencies as rows, of every kind of workload. */
export function latencyRows(latencies: readonly LatencyView[]): DataTable {
  return {
    columns: [
      { label: 'workload' },
      { label: 'shapes' },
      { label: 'median (ms)', format: formatSignificant },
      { label: '95% low (ms)', format: formatSignificant },
      { label: '95% high (ms)', format: formatSignificant },
      { label: 'n', format: formatInteger },
      { label: 'runtime' },
      { label: 'measured at' },
      { label: 'in doubt' },
    ],
    rows: latencies.map((latency) => {
      const { name, shapes } = workloadLabel(latency.workload);
      const { medianMs, lowMs, highMs, count, runtime, measuredAt, doubt } = latency;
      const [when, why] = [formatTime(measuredAt), doubt ?? ''];
      return [name, shapes, medianMs, lowMs, highMs, count, runtimeLabel(runtime), when, why];
    }),
  };
}
