/**
 * gridChart: op by shape as coloured cells, the layout that the heatmap and its comparison share. On narrow pages it stands
 * upright (shapes as rows), because shapes are many and ops are few.
 */
import type { HeatmapSeriesOption } from 'echarts/charts';
import { corneredCells, framedCells, hatchedCells, type MarkedCell } from './cell-marks.js';
import type { GridPlace } from './latency-grid.js';
import { axisStyle, baseOption, type ChartModel } from './model.js';
import { type ChartContext, type ChartTheme, colorAt, textOn } from './theme.js';

export interface PaintedCell extends GridPlace {
  /** The workload's key: what a click names. */
  readonly key: string;
  /** Where its colour stands on the scale, 0..1. */
  readonly share: number;
  readonly label: string;
  readonly tooltip: string;
  readonly doubtful: boolean;
}

export interface GridPicture {
  readonly description: string;
  readonly blocks: readonly string[];
  readonly shapes: readonly string[];
  readonly cells: readonly PaintedCell[];
  readonly gaps: readonly (GridPlace & { readonly tooltip: string })[];
  /** What the scale's two ends mean. */
  readonly scale: { readonly stops: readonly string[]; readonly low: string; readonly high: string };
  readonly selectedKey: string | null;
}

/** A narrower page has the shapes as rows. */
const uprightBelowPx = 640;
/** A narrower cell has no room for its number. */
const leastLabelPx = 33;

export function gridChart(picture: GridPicture, { theme, widthPx }: ChartContext): Omit<ChartModel, 'table'> {
  const { description, blocks, shapes, cells, gaps, scale, selectedKey } = picture;
  const upright = widthPx < uprightBelowPx;
  const [across, down] = upright ? [blocks, shapes] : [shapes, blocks];
  const marked = ({ block, shape, tooltip }: GridPlace & { tooltip: string }): MarkedCell =>
    upright ? { column: block, row: shape, tooltip } : { column: shape, row: block, tooltip };
  const axis = { ...axisStyle(theme), type: 'category' as const, axisTick: { show: false } };
  const labelled = (widthPx - 130) / Math.max(1, across.length) > leastLabelPx;
  return {
    heightPx: (upright ? 130 : 200) + (upright ? 26 : 36) * Math.max(1, down.length),
    option: {
      ...baseOption(theme, description),
      grid: { left: 8, right: 8, top: 8, bottom: 52, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: { ...axis, data: [...across], axisLabel: { ...axis.axisLabel, interval: 0, rotate: 50 } },
      yAxis: { ...axis, data: [...down], inverse: true, axisLabel: { ...axis.axisLabel, interval: 0 } },
      visualMap: colorScale(scale, Math.min(220, widthPx / 3), theme),
      series: [
        paintedSeries(cells, scale.stops, marked, labelled, theme),
        hatchedCells(gaps.map(marked), theme),
        corneredCells(cells.filter(({ doubtful }) => doubtful).map(marked), theme),
        framedCells(cells.filter(({ key }) => key === selectedKey).map(marked), theme),
      ],
    },
  };
}

/** The legend below, which also colours the first series. */
function colorScale({ stops, low, high }: GridPicture['scale'], lengthPx: number, theme: ChartTheme) {
  return {
    type: 'continuous' as const,
    seriesIndex: 0,
    min: 0,
    max: 1,
    calculable: false,
    hoverLink: false,
    orient: 'horizontal' as const,
    left: 'center',
    bottom: 0,
    itemWidth: 12,
    itemHeight: lengthPx,
    text: [high, low] as [string, string],
    textStyle: { color: theme.muted },
    inRange: { color: [...stops] },
  };
}

function paintedSeries(
  cells: readonly PaintedCell[],
  stops: readonly string[],
  marked: (cell: PaintedCell) => MarkedCell,
  labelled: boolean,
  theme: ChartTheme,
): HeatmapSeriesOption {
  return {
    type: 'heatmap',
    name: 'cells',
    label: { show: labelled, fontSize: 10 },
    itemStyle: { borderColor: theme.surface, borderWidth: 1.5, borderRadius: 3 },
    emphasis: { itemStyle: { borderColor: theme.text, borderWidth: 2 } },
    data: cells.map((cell) => {
      const { column, row, tooltip } = marked(cell);
      return {
        name: cell.key,
        value: [column, row, cell.share],
        label: { color: textOn(colorAt(stops, cell.share)), formatter: cell.label },
        tooltip: { formatter: tooltip },
      };
    }),
  };
}
