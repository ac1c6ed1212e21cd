/** What every chart's builder returns: the picture as ECharts options, and its twin as a table for reading, sorting and CSV. */
import type { BarSeriesOption, CustomSeriesOption, HeatmapSeriesOption, LineSeriesOption } from 'echarts/charts';
import type {
  AriaComponentOption,
  DataZoomComponentOption,
  GridComponentOption,
  LegendComponentOption,
  MarkLineComponentOption,
  TooltipComponentOption,
  VisualMapComponentOption,
} from 'echarts/components';
import type { ComposeOption } from 'echarts/core';
import type { ChartTheme } from './theme.js';

export type ChartOption = ComposeOption<
  | AriaComponentOption
  | BarSeriesOption
  | CustomSeriesOption
  | DataZoomComponentOption
  | GridComponentOption
  | HeatmapSeriesOption
  | LegendComponentOption
  | LineSeriesOption
  | MarkLineComponentOption
  | TooltipComponentOption
  | VisualMapComponentOption
>;

export type Cell = string | number;

export interface Column {
  readonly label: string;
  /** How a number is shown; sorting and CSV use the number itself. */
  readonly format?: (value: number) => string;
}

export interface DataTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface ChartModel {
  readonly option: ChartOption;
  readonly heightPx: number;
  readonly table: DataTable;
}

/** What all charts share: type, colours, no animation (figures arrive several times a second), tooltips drawn on the canvas (no inline styles). */
export function baseOption(theme: ChartTheme, description: string): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: theme.text },
    aria: { enabled: true, label: { description } },
    tooltip: {
      renderMode: 'richText',
      confine: true,
      backgroundColor: theme.surface,
      borderColor: theme.gridLine,
      textStyle: { color: theme.text, fontSize: 12 },
    },
  };
}

/** An axis's lines and letters. */
export function axisStyle(theme: ChartTheme) {
  return {
    nameTextStyle: { color: theme.muted, fontSize: 11 },
    axisLabel: { color: theme.muted, fontSize: 11 },
    axisLine: { lineStyle: { color: theme.gridLine } },
    axisTick: { lineStyle: { color: theme.gridLine } },
    splitLine: { lineStyle: { color: theme.gridLine } },
  };
}

/** A value axis with its name and unit standing along it. */
export function namedAxis(theme: ChartTheme, name: string, gapPx: number) {
  return { ...axisStyle(theme), name, nameLocation: 'middle' as const, nameGap: gapPx };
}

/** A category axis with one thing below the other, the first at the top. */
export function rowsAxis(theme: ChartTheme, names: readonly string[]) {
  return {
    ...axisStyle(theme),
    type: 'category' as const,
    inverse: true,
    axisTick: { show: false },
    data: [...names],
  };
}

/** The table as CSV (RFC 4180). */
export function toCsv({ columns, rows }: DataTable): string {
  const lines = [columns.map((column) => column.label), ...rows];
  return lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(cell: Cell): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
