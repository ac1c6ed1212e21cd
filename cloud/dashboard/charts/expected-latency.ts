/** expectedLatency: the latency that the architecture probabilities promise, over the search's steps, against the budget. */
import type { SearchPoint } from '@bespoke/shared/protocol/api.js';
import { formatInteger, formatMs, formatSignificant } from '../format.js';
import { baseOption, type ChartModel, namedAxis } from './model.js';
import { paddedRange } from './padded-range.js';
import type { ChartContext } from './theme.js';

export function expectedLatency(
  points: readonly SearchPoint[],
  budgetMs: number | null,
  { theme }: ChartContext,
): ChartModel {
  const last = points.at(-1);
  const budget = budgetMs === null ? '' : ` The budget is ${formatMs(budgetMs)}.`;
  const values = [...points.map((point) => point.expectedMs), ...(budgetMs === null ? [] : [budgetMs])];
  return {
    heightPx: 260,
    option: {
      ...baseOption(
        theme,
        last ? `Expected latency ${formatMs(last.expectedMs)} at step ${last.step}.${budget}` : 'No steps yet.',
      ),
      grid: { left: 60, right: 20, top: 16, bottom: 44 },
      tooltip: { ...baseOption(theme, '').tooltip, trigger: 'axis' },
      xAxis: {
        type: 'value',
        min: 0,
        max: last?.stepCount ?? 1,
        ...namedAxis(theme, 'step', 26),
        splitLine: { show: false },
      },
      yAxis: { type: 'value', ...paddedRange(values), ...namedAxis(theme, 'expected latency (ms)', 44) },
      series: [
        {
          type: 'line',
          name: 'expected latency',
          showSymbol: points.length < 2,
          lineStyle: { width: 2.5, color: theme.first },
          itemStyle: { color: theme.first },
          areaStyle: { color: theme.first, opacity: 0.08 },
          data: points.map(({ step, expectedMs }) => [step, Number(expectedMs.toPrecision(4))]),
          ...(budgetMs === null ? {} : { markLine: budgetLine(budgetMs, theme.budget) }),
        },
      ],
    },
    table: {
      columns: [
        { label: 'step', format: formatInteger },
        { label: 'expected latency (ms)', format: formatSignificant },
      ],
      rows: points.map(({ step, expectedMs }) => [step, expectedMs]),
    },
  };
}

function budgetLine(budgetMs: number, color: string) {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color, width: 1.5, type: 'dashed' as const },
    label: { position: 'insideEndTop' as const, color, fontSize: 12, formatter: `budget ${formatMs(budgetMs)}` },
    data: [{ yAxis: budgetMs }],
  };
}
