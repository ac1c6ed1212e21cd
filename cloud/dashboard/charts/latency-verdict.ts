/** latencyVerdict: what was predicted for the found network and what the device measured, against the budget. */
import { formatMs, formatSignificant } from '../format.js';
import { axisStyle, baseOption, type ChartModel, namedAxis, rowsAxis } from './model.js';
import { type ChartContext, textOn } from './theme.js';

export interface Verdict {
  readonly budgetMs: number;
  readonly predictedMs: number | null;
  readonly measuredMs: number | null;
}

export function latencyVerdict({ budgetMs, predictedMs, measuredMs }: Verdict, { theme }: ChartContext): ChartModel {
  const bars = [
    { name: 'predicted', ms: predictedMs, color: theme.first },
    { name: 'measured', ms: measuredMs, color: theme.third },
  ].filter((bar): bar is { name: string; ms: number; color: string } => bar.ms !== null);
  const rows = [...bars.map(({ name, ms }) => [name, ms] as const), ['budget', budgetMs] as const];
  return {
    heightPx: 260,
    option: {
      ...baseOption(theme, `${rows.map(([name, ms]) => `${name} ${formatMs(ms)}`).join(', ')}.`),
      grid: { left: 78, right: 24, top: 30, bottom: 44 },
      xAxis: {
        type: 'value',
        min: 0,
        max: Number((1.1 * Math.max(...rows.map(([, ms]) => ms))).toPrecision(3)),
        ...namedAxis(theme, 'latency (ms)', 26),
        // The end is where the longest bar needs it, seldom a round number.
        axisLabel: { ...axisStyle(theme).axisLabel, showMaxLabel: false },
      },
      yAxis: rowsAxis(
        theme,
        bars.map(({ name }) => name),
      ),
      series: [
        {
          type: 'bar',
          name: 'latency',
          barWidth: 44,
          label: {
            show: true,
            position: 'insideRight',
            fontWeight: 600,
            formatter: ({ value }) => formatMs(Number(value)),
          },
          tooltip: { valueFormatter: (value) => formatMs(Number(value)) },
          data: bars.map(({ ms, color }) => ({
            value: Number(ms.toPrecision(4)),
            label: { color: textOn(color) },
            itemStyle: { color, borderRadius: [0, 4, 4, 0] },
          })),
          markLine: {
            silent: true,
            symbol: 'none',
            lineStyle: { color: theme.budget, width: 2, type: 'dashed' },
            label: {
              position: 'start',
              align: 'right',
              color: theme.budget,
              fontSize: 12,
              formatter: `budget ${formatMs(budgetMs)}`,
            },
            data: [{ xAxis: budgetMs }],
          },
        },
      ],
    },
    table: { columns: [{ label: 'latency' }, { label: 'ms', format: formatSignificant }], rows },
  };
}
