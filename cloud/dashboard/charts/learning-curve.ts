/** learningCurve: loss (left axis) and accuracy (right axis) over steps, of a search or of a training. */
import { formatInteger, formatPercent, formatSignificant } from '../format.js';
import { axisStyle, baseOption, type ChartModel, namedAxis } from './model.js';
import type { ChartContext } from './theme.js';

export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  /** 0..1 */
  readonly accuracy: number;
}

export function learningCurve(points: readonly CurvePoint[], stepCount: number, { theme }: ChartContext): ChartModel {
  const last = points.at(-1);
  const description = last
    ? `Loss ${formatSignificant(last.loss)} and accuracy ${formatPercent(last.accuracy)} at step ${last.step} of ${stepCount}.`
    : 'No steps yet.';
  const line = (name: string, color: string, yAxisIndex: number, data: readonly (readonly [number, number])[]) => ({
    type: 'line' as const,
    name,
    yAxisIndex,
    showSymbol: data.length < 2,
    lineStyle: { width: 2, color, type: yAxisIndex === 0 ? ('solid' as const) : ([6, 3] as number[]) },
    itemStyle: { color },
    data: data as [number, number][],
  });
  return {
    heightPx: 260,
    option: {
      ...baseOption(theme, description),
      grid: { left: 56, right: 60, top: 34, bottom: 44 },
      legend: { top: 0, textStyle: { color: theme.text }, itemWidth: 28, selectedMode: false },
      tooltip: { ...baseOption(theme, '').tooltip, trigger: 'axis' },
      xAxis: {
        type: 'value',
        min: 0,
        max: Math.max(stepCount, 1),
        ...namedAxis(theme, 'step', 26),
        splitLine: { show: false },
      },
      yAxis: [
        { type: 'value', scale: true, ...namedAxis(theme, 'loss (nats)', 40) },
        {
          type: 'value',
          min: 0,
          max: 100,
          ...namedAxis(theme, 'accuracy (%)', 42),
          splitLine: { show: false },
          axisLabel: axisStyle(theme).axisLabel,
        },
      ],
      series: [
        line(
          'loss',
          theme.first,
          0,
          points.map(({ step, loss }) => [step, Number(loss.toPrecision(5))]),
        ),
        line(
          'accuracy',
          theme.second,
          1,
          points.map(({ step, accuracy }) => [step, Number((100 * accuracy).toFixed(2))]),
        ),
      ],
    },
    table: {
      columns: [
        { label: 'step', format: formatInteger },
        { label: 'loss', format: formatSignificant },
        { label: 'accuracy', format: formatPercent },
      ],
      rows: points.map(({ step, loss, accuracy }) => [step, loss, accuracy]),
    },
  };
}
