/**
 * latencyHeatmap: a device's MBConv latencies, kernel and expansion by shape, coloured by the log of the median.
 * On narrow pages it stands upright (shapes as rows), because shapes are many and blocks are few.
 */
import { formatShape } from '@bespoke/shared/graph/tensor.js';
import type { MBConvBlock } from '@bespoke/shared/network/mbconv.js';
import type { LatencyView } from '@bespoke/shared/protocol/api.js';
import {
  blockLabel,
  formatInteger,
  formatMs,
  formatSignificant,
  formatTime,
  runtimeLabel,
  workloadLabel,
} from '../format.js';
import { axisStyle, baseOption, type ChartModel, type DataTable } from './model.js';
import { type ChartContext, logShare, textOn, viridis, viridisStops } from './theme.js';

/** Rows and columns of the picture, and what was measured where. */
export interface LatencyGrid {
  /** `k3 e3`, by kernel, then expansion. */
  readonly blocks: readonly string[];
  /** `32×32×16→24 /2`, large maps first. */
  readonly shapes: readonly string[];
  readonly cells: readonly { readonly block: number; readonly shape: number; readonly latency: LatencyView }[];
}

/** Places the MBConv latencies of one runtime; other workloads have no kernel and expansion to stand at. */
export function latencyGrid(latencies: readonly LatencyView[]): LatencyGrid {
  const placed = latencies.flatMap((latency) => {
    const { workload } = latency;
    if (workload.kind !== 'block' || workload.body.kind !== 'mbconv') return [];
    const [height, width, channels] = workload.inputShapes.at(-1)! as [number, number, number];
    const { kernelSize, expandRatio, outChannels, stride } = workload.body as MBConvBlock;
    return [
      {
        latency,
        block: { label: blockLabel(workload.body), order: [kernelSize, expandRatio] },
        shape: {
          label: `${formatShape([height, width, channels]).replaceAll('x', '×')}→${outChannels}${stride === 1 ? '' : ` /${stride}`}`,
          order: [-height, -width, channels, outChannels, -stride],
        },
      },
    ];
  });
  const blocks = sortedLabels(placed.map(({ block }) => block));
  const shapes = sortedLabels(placed.map(({ shape }) => shape));
  const cells = placed.map(({ latency, block, shape }) => ({
    latency,
    block: blocks.indexOf(block.label),
    shape: shapes.indexOf(shape.label),
  }));
  return { blocks, shapes, cells };
}

export function latencyHeatmap(latencies: readonly LatencyView[], { theme, widthPx }: ChartContext): ChartModel {
  const grid = latencyGrid(latencies);
  const upright = widthPx < 640;
  const [across, down] = upright ? [grid.blocks, grid.shapes] : [grid.shapes, grid.blocks];
  const medians = grid.cells.map(({ latency }) => latency.medianMs);
  const [low, high] = medians.length === 0 ? [1, 1] : [Math.min(...medians), Math.max(...medians)];
  const cellWidthPx = (widthPx - 130) / Math.max(1, across.length);
  const data = grid.cells.map(({ block, shape, latency }) => ({
    value: upright ? [block, shape, Math.log10(latency.medianMs)] : [shape, block, Math.log10(latency.medianMs)],
    label: {
      color: textOn(viridis(logShare(latency.medianMs, low, high))),
      formatter: formatSignificant(latency.medianMs),
    },
    tooltip: { formatter: cellTooltip(grid, block, shape, latency) },
  }));
  const axis = {
    ...axisStyle(theme),
    type: 'category' as const,
    axisTick: { show: false },
    splitArea: { show: true, areaStyle: { color: [theme.empty] } },
  };
  return {
    heightPx: (upright ? 120 : 200) + (upright ? 26 : 36) * Math.max(1, down.length),
    option: {
      ...baseOption(theme, `Medians of ${grid.cells.length} blocks, from ${formatMs(low)} to ${formatMs(high)}.`),
      grid: { left: 8, right: 8, top: 8, bottom: 52, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: { ...axis, data: [...across], axisLabel: { ...axis.axisLabel, interval: 0, rotate: upright ? 45 : 50 } },
      yAxis: { ...axis, data: [...down], inverse: true, axisLabel: { ...axis.axisLabel, interval: 0 } },
      visualMap: {
        type: 'continuous',
        min: Math.log10(low),
        max: low < high ? Math.log10(high) : Math.log10(low) + 1e-6,
        calculable: false,
        orient: 'horizontal',
        left: 'center',
        bottom: 0,
        itemWidth: 12,
        itemHeight: Math.min(220, widthPx / 3),
        text: [formatMs(high), formatMs(low)],
        textStyle: { color: theme.muted },
        inRange: { color: [...viridisStops] },
      },
      series: [
        {
          type: 'heatmap',
          name: 'median latency (ms)',
          label: { show: cellWidthPx > 33, fontSize: 10 },
          itemStyle: { borderColor: theme.surface, borderWidth: 1.5, borderRadius: 3 },
          emphasis: { itemStyle: { borderColor: theme.text, borderWidth: 2 } },
          data,
        },
      ],
    },
    table: latencyRows(latencies),
  };
}

function cellTooltip(grid: LatencyGrid, block: number, shape: number, latency: LatencyView): string {
  return [
    `${grid.blocks[block]}   ${grid.shapes[shape]}`,
    `median ${formatMs(latency.medianMs)}`,
    `95% interval ${formatSignificant(latency.lowMs)} to ${formatMs(latency.highMs)}`,
    `n = ${latency.count} samples`,
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
    ],
    rows: latencies.map((latency) => {
      const { name, shapes } = workloadLabel(latency.workload);
      const { medianMs, lowMs, highMs, count, runtime, measuredAt } = latency;
      return [name, shapes, medianMs, lowMs, highMs, count, runtimeLabel(runtime), formatTime(measuredAt)];
    }),
  };
}

/** Distinct labels, by their orders compared number by number. */
function sortedLabels(entries: readonly { readonly label: string; readonly order: readonly number[] }[]): string[] {
  const byLabel = new Map(entries.map((entry) => [entry.label, entry.order]));
  const compare = (a: readonly number[], b: readonly number[]) =>
    a.map((value, index) => value - b[index]!).find((d) => d !== 0) ?? 0;
  return [...byLabel].sort((a, b) => compare(a[1], b[1]) || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
}
