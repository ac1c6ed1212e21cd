/** rejections: how many networks each early exit refused before their training, and how many trainings were ended early. */
import type { EvolutionView } from '@bespoke/shared/protocol/api.js';
import { formatInteger } from '../format.js';
import { axisStyle, baseOption, type ChartModel, namedAxis, rowsAxis } from './model.js';
import type { ChartContext } from './theme.js';

/** In the order in which a network meets the exits. */
export function rejectionCounts({
  refusedCounts,
  individuals,
}: Pick<EvolutionView, 'refusedCounts' | 'individuals'>): [stage: string, count: number][] {
  const ended = individuals.filter(({ accuracy }) => accuracy === null);
  const untrainedCount = ended.filter(({ probeAccuracy }) => probeAccuracy === null).length;
  return [
    ...Object.entries(refusedCounts),
    ['zero-cost score', untrainedCount],
    ['training ended early', ended.length - untrainedCount],
  ];
}

export function rejections(
  counts: readonly (readonly [stage: string, count: number])[],
  { theme }: ChartContext,
): ChartModel {
  return {
    heightPx: 76 + 34 * counts.length,
    option: {
      ...baseOption(theme, `${counts.map(([stage, count]) => `${stage} ${formatInteger(count)}`).join(', ')}.`),
      grid: { left: 12, right: 56, top: 8, bottom: 46, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: {
        type: 'value',
        min: 0,
        minInterval: 1,
        ...namedAxis(theme, 'networks', 26),
        axisLabel: { ...axisStyle(theme).axisLabel, hideOverlap: true },
      },
      yAxis: {
        ...rowsAxis(
          theme,
          counts.map(([stage]) => stage),
        ),
        axisLabel: { color: theme.text, fontSize: 12, interval: 0 },
      },
      series: [
        {
          type: 'bar',
          name: 'networks',
          barWidth: 20,
          itemStyle: { color: theme.second, borderRadius: [0, 4, 4, 0] },
          label: {
            show: true,
            position: 'right',
            color: theme.text,
            formatter: ({ value }) => formatInteger(Number(value)),
          },
          data: counts.map(([, count]) => count),
        },
      ],
    },
    table: { columns: [{ label: 'stage' }, { label: 'networks', format: formatInteger }], rows: counts },
  };
}
