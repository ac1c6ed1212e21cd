/** gantt: one step of a pipeline as it ran. A row for each stage; operations as blocks with their micro-batch, transfers thin below them, idle time hatched. */
import { type Gantt, ganttOf, type Interval } from '@bespoke/shared/protocol/gantt.js';
import type { PipelineSpan, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import type { CustomSeriesOption } from 'echarts/charts';
import { formatMs, formatPercent, formatSignificant } from '../format.js';
import { type DrawApi, hatchPath } from './cell-marks.js';
import { axisStyle, baseOption, type ChartModel, namedAxis, rowsAxis } from './model.js';
import { type ChartContext, type ChartTheme, colorAt, textOn } from './theme.js';

/** What a span of each kind is called in the legend and the table, and on the block itself. */
const kinds: {
  readonly [K in PipelineSpan['kind']]: { readonly name: string; readonly text: (microBatch: number) => string };
} = {
  forward: { name: 'forward', text: (microBatch) => `forward of micro-batch ${microBatch}` },
  recompute: { name: 'recompute', text: (microBatch) => `forward of micro-batch ${microBatch}, computed again` },
  backward: { name: 'backward', text: (microBatch) => `backward of micro-batch ${microBatch}` },
  inputGradients: {
    name: 'input gradient',
    text: (microBatch) => `backward of micro-batch ${microBatch}, gradients of the inputs`,
  },
  weightGradients: {
    name: 'weight gradient',
    text: (microBatch) => `backward of micro-batch ${microBatch}, gradients of the weights`,
  },
  recv: { name: 'receive', text: (microBatch) => `receives micro-batch ${microBatch}` },
  send: { name: 'send', text: (microBatch) => `sends micro-batch ${microBatch}` },
};

const computing = ['forward', 'recompute', 'backward', 'inputGradients', 'weightGradients'] as const;

/** Of a row, from its middle down. */
const [blockTopPx, blockHeightPx] = [-22, 30];
const laneTopPx = { recv: 11, send: 16 } as const;
const laneHeightPx = 4;
const rowHeightPx = 56;
/** Below the rows: the axis, its name, the slider. */
const footPx = 86;
/** Room that a digit on a block needs. */
const digitPx = 7;
/** On less the legend takes two lines. */
const narrowPx = 480;

/** `predictedMs`: what the plan says of the step. */
export function gantt(step: PipelineStepView, predictedMs: number, { theme, widthPx }: ChartContext): ChartModel {
  const drawn = ganttOf(step.spans, stageCountOf(step));
  const topPx = widthPx < narrowPx ? 66 : 44;
  return {
    heightPx: topPx + rowHeightPx * drawn.rows.length + footPx,
    option: {
      ...baseOption(theme, ganttText(step, drawn)),
      grid: { left: 52, right: 14, top: topPx, bottom: footPx },
      legend: { top: 0, textStyle: { color: theme.text }, itemWidth: 18, itemHeight: 12, selectedMode: false },
      xAxis: {
        type: 'value',
        min: 0,
        max: Math.max(drawn.stepMs, predictedMs) * 1.01,
        ...namedAxis(theme, 'ms since the start of the step', 28),
        axisLabel: { ...axisStyle(theme).axisLabel, showMaxLabel: false, hideOverlap: true },
        splitLine: { show: false },
      },
      yAxis: {
        ...rowsAxis(
          theme,
          drawn.rows.map(({ stage }) => `stage ${stage}`),
        ),
        axisLabel: { color: theme.text, fontSize: 12, interval: 0 },
      },
      dataZoom: zoomSlider(theme),
      series: seriesOf(drawn, predictedMs, theme),
    },
    table: tableOf(drawn),
  };
}

/** Every stage has operations in every step. */
function stageCountOf({ spans }: PipelineStepView): number {
  return 1 + Math.max(-1, ...spans.map(({ stage }) => stage));
}

/** One sentence: the step in figures. */
export function ganttText({ step, stepMs, shares }: PipelineStepView, { rows }: Gantt): string {
  const ran = rows.flatMap(({ operations }) => operations);
  const counts = computing
    .map((kind) => ({ kind, count: ran.filter((span) => span.kind === kind).length }))
    .filter(({ count }) => count !== 0)
    .map(({ kind, count }) => `${count} ${kinds[kind].name}`);
  return `Step ${step} on ${rows.length} stages: ${counts.join(', ')} operations in ${formatMs(stepMs)}, ${formatPercent(1 - shares.busy)} idle.`;
}

function seriesOf({ rows }: Gantt, predictedMs: number, theme: ChartTheme): CustomSeriesOption[] {
  const colors = {
    forward: theme.first,
    recompute: theme.third,
    backward: theme.second,
    // The halves of a backward are shades of the whole.
    inputGradients: colorAt([theme.second, theme.text], 0.3),
    weightGradients: colorAt([theme.second, theme.surface], 0.45),
  };
  const operations = rows.flatMap((row) => row.operations);
  const shown = computing.filter((kind) => operations.some((span) => span.kind === kind));
  return [
    { ...idleSeries(rows, theme), markLine: predictedLine(predictedMs, theme) },
    ...shown.map((kind) =>
      blockSeries(
        kinds[kind].name,
        operations.filter((span) => span.kind === kind),
        colors[kind],
      ),
    ),
    transferSeries(
      rows.flatMap((row) => row.transfers),
      theme,
    ),
  ];
}

/** The span's pixels along the row; a hair at least. */
function extentOf(api: DrawApi): { x: number; y: number; width: number } {
  const [x, y] = api.coord([api.value(0), api.value(2)]) as [number, number];
  const [endX] = api.coord([api.value(1), api.value(2)]) as [number, number];
  return { x, y, width: Math.max(endX - x, 0.5) };
}

/** With it a part of the step is stretched, so that the numbers of many micro-batches have room. */
function zoomSlider(theme: ChartTheme): ChartModel['option']['dataZoom'] {
  return {
    type: 'slider',
    filterMode: 'none',
    bottom: 8,
    height: 20,
    showDetail: false,
    showDataShadow: false,
    brushSelect: false,
    borderColor: theme.gridLine,
    fillerColor: theme.empty,
    handleStyle: { color: theme.muted, borderColor: theme.muted },
    moveHandleSize: 0,
  };
}

const encode = { x: [0, 1], y: 2 };

function blockSeries(name: string, spans: readonly PipelineSpan[], color: string): CustomSeriesOption {
  return {
    type: 'custom',
    clip: true,
    name,
    itemStyle: { color },
    encode,
    data: spans.map((span) => ({
      value: [span.startMs, span.endMs, span.stage, span.microBatch],
      tooltip: { formatter: spanText(span) },
    })),
    renderItem: (_params, api) => {
      const { x, y, width } = extentOf(api);
      const label = String(api.value(3));
      // A gap tells neighbours apart, where there is room for one.
      const shape = { x, y: y + blockTopPx, width: Math.max(width - 1, 0.5), height: blockHeightPx, r: 2 };
      const text = { text: label, fill: textOn(color), fontSize: 12, fontWeight: 600 } as const;
      return {
        type: 'rect',
        shape,
        style: { fill: color },
        ...(width >= digitPx * label.length + 2 && {
          textContent: { type: 'text', style: text },
          textConfig: { position: 'inside' },
        }),
      };
    },
  };
}

/** What comes in above what goes out; those under way at once are darker. */
function transferSeries(spans: readonly PipelineSpan[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    clip: true,
    name: 'transfer',
    itemStyle: { color: theme.muted },
    encode,
    data: spans.map((span) => ({
      value: [span.startMs, span.endMs, span.stage, span.kind === 'recv' ? laneTopPx.recv : laneTopPx.send],
      tooltip: { formatter: spanText(span) },
    })),
    renderItem: (_params, api) => {
      const { x, y, width } = extentOf(api);
      const shape = { x, y: y + Number(api.value(3)), width, height: laneHeightPx };
      return { type: 'rect', shape, style: { fill: theme.muted, opacity: 0.7 } };
    },
  };
}

function idleSeries(rows: Gantt['rows'], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    clip: true,
    name: 'idle',
    itemStyle: { color: theme.hatch },
    encode,
    data: rows.flatMap(({ stage, idle }) =>
      idle.map((gap) => ({
        value: [gap.startMs, gap.endMs, stage],
        tooltip: { formatter: `stage ${stage}\nidle\n${timesText(gap)}` },
      })),
    ),
    renderItem: (_params, api) => {
      const { x, y, width } = extentOf(api);
      const shape = { x, y: y + blockTopPx, width, height: blockHeightPx };
      return {
        type: 'group',
        children: [
          { type: 'rect', shape, style: { fill: theme.empty } },
          {
            type: 'path',
            silent: true,
            shape: { pathData: hatchPath(shape, 6) },
            style: { stroke: theme.hatch, lineWidth: 1, fill: 'none' },
          },
        ],
      };
    },
  };
}

function predictedLine(predictedMs: number, theme: ChartTheme): NonNullable<CustomSeriesOption['markLine']> {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: theme.text, width: 1.5, type: 'dashed' },
    label: { position: 'start', align: 'right', color: theme.text, fontSize: 11, formatter: 'predicted' },
    data: [{ xAxis: predictedMs }],
  };
}

function timesText({ startMs, endMs }: Interval): string {
  return `${formatMs(endMs - startMs)}, from ${formatSignificant(startMs)} to ${formatMs(endMs)}`;
}

function spanText(span: PipelineSpan): string {
  return `stage ${span.stage}\n${kinds[span.kind].text(span.microBatch)}\n${timesText(span)}`;
}

function tableOf({ rows }: Gantt): ChartModel['table'] {
  return {
    columns: [
      { label: 'stage', format: String },
      { label: 'what' },
      { label: 'micro-batch', format: String },
      { label: 'start (ms)', format: formatSignificant },
      { label: 'end (ms)', format: formatSignificant },
      { label: 'took (ms)', format: formatSignificant },
    ],
    rows: rows.flatMap(({ stage, operations, transfers, idle }) => [
      ...[...operations, ...transfers].map(({ kind, microBatch, startMs, endMs }) => {
        return [stage, kinds[kind].name, microBatch, startMs, endMs, endMs - startMs];
      }),
      ...idle.map(({ startMs, endMs }) => [stage, 'idle', '', startMs, endMs, endMs - startMs]),
    ]),
  };
}
