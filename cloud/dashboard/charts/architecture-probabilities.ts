/** architectureProbabilities: one stacked bar per searched slot, a segment per candidate as wide as its probability. */
import type { SlotView } from '@bespoke/shared/protocol/api.js';
import { formatMs, formatPercent } from '../format.js';
import { baseOption, type ChartModel, namedAxis, rowsAxis } from './model.js';
import { type ChartContext, type ChartTheme, textOn } from './theme.js';

/** Pairs of light and dark: candidates come as kernel by kernel, small expansion before large. */
const candidateColors = [
  '#9ecbec',
  '#0072b2',
  '#f7c08a',
  '#d55e00',
  '#93dcc6',
  '#00795a',
  '#e3b5d8',
  '#9c4f8c',
  '#f2e38a',
  '#a08a00',
] as const;
const skipColor = '#8b95a1';

interface SearchedSlot {
  readonly slot: SlotView;
  readonly probabilities: readonly number[];
}

/** The slots that have a choice, with their probabilities. */
export function searchedSlots(
  slots: readonly SlotView[],
  probabilities: readonly (readonly number[])[],
): SearchedSlot[] {
  return slots.flatMap((slot, index) =>
    slot.candidates.length > 1 && probabilities[index] ? [{ slot, probabilities: probabilities[index] }] : [],
  );
}

/** All candidates' labels, small kernels and expansions first, `skip` last: neighbours in a pair of colours are neighbours in size. */
export function candidateLabels(slots: readonly SearchedSlot[]): string[] {
  const labels = [...new Set(slots.flatMap(({ slot }) => slot.candidates))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  return [...labels.filter((label) => label !== 'skip'), ...labels.filter((label) => label === 'skip')];
}

export function architectureProbabilities(
  slots: readonly SlotView[],
  probabilities: readonly (readonly number[])[],
  { theme, widthPx }: ChartContext,
): ChartModel {
  const searched = searchedSlots(slots, probabilities);
  const labels = candidateLabels(searched);
  const legendRowCount = Math.ceil((labels.length * 76) / Math.max(1, widthPx));
  return {
    heightPx: 70 + 24 * legendRowCount + 24 * Math.max(1, searched.length),
    option: {
      ...baseOption(theme, `Probabilities of ${labels.length} candidates in ${searched.length} slots.`),
      grid: {
        left: 16,
        right: 24,
        top: 10 + 24 * legendRowCount,
        bottom: 26,
        outerBoundsMode: 'same',
        outerBoundsContain: 'axisLabel',
      },
      legend: { top: 0, textStyle: { color: theme.text }, itemWidth: 14, selectedMode: false },
      xAxis: {
        type: 'value',
        min: 0,
        max: 100,
        ...namedAxis(theme, 'probability (%)', 26),
        splitLine: { show: false },
      },
      yAxis: rowsAxis(
        theme,
        searched.map(({ slot }) => slot.id),
      ),
      series: labels.map((label, index) =>
        candidateSeries(
          label,
          label === 'skip' ? skipColor : candidateColors[index % candidateColors.length]!,
          searched,
          theme,
          widthPx,
        ),
      ),
    },
    table: probabilityTable(searched),
  };
}

function candidateSeries(
  label: string,
  color: string,
  searched: readonly SearchedSlot[],
  theme: ChartTheme,
  widthPx: number,
) {
  // A label is written where its segment is wide enough for about 40 pixels of letters.
  const least = 4500 / Math.max(1, widthPx);
  return {
    type: 'bar' as const,
    name: label,
    stack: 'slot',
    barWidth: '78%',
    itemStyle: { color, borderColor: theme.surface, borderWidth: 1 },
    label: {
      show: true,
      color: textOn(color),
      fontSize: 10,
      formatter: ({ value }: { value?: unknown }) => (Number(value) >= least ? label : ''),
    },
    tooltip: {
      formatter: ({ name, value }: { name: string; value?: unknown }) =>
        `${name}: ${label} ${Number(value).toFixed(1)}%`,
    },
    data: searched.map(({ slot, probabilities }) => {
      const index = slot.candidates.indexOf(label);
      return index < 0 ? 0 : Number((100 * probabilities[index]!).toFixed(3));
    }),
  };
}

function probabilityTable(searched: readonly SearchedSlot[]): ChartModel['table'] {
  return {
    columns: [
      { label: 'slot' },
      { label: 'candidate' },
      { label: 'probability', format: formatPercent },
      { label: 'latency (ms)', format: formatMs },
    ],
    rows: searched.flatMap(({ slot, probabilities }) =>
      slot.candidates.map((candidate, index) => [
        slot.id,
        candidate,
        probabilities[index]!,
        slot.latenciesMs[index] ?? 0,
      ]),
    ),
  };
}
