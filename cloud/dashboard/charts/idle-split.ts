/** idleSplit: what the stages' time in a step went to, as the parts of a bar. */
import type { StepSharesView } from '@bespoke/shared/protocol/pipeline.js';
import { formatPercent } from '../format.js';
import type { ChartTheme } from './theme.js';

export interface SharePart {
  readonly name: keyof StepSharesView;
  readonly share: number;
  /** Where it begins, 0..1. */
  readonly from: number;
  /** What it means. */
  readonly meaning: string;
  readonly color: string;
}

const meanings: { readonly [N in keyof StepSharesView]: string } = {
  busy: 'computing',
  bubble: 'waiting because the pipeline fills and drains',
  imbalance: 'waiting because stages differ in what they have to do',
  transport: 'waiting because messages take time',
  other: 'waiting for what the schedule does not explain: operations slower than usual, other programs',
};

/** Busy first, then the causes in the order in which they are taken off. */
const names = ['busy', 'bubble', 'imbalance', 'transport', 'other'] as const;

export function idleSplit(shares: StepSharesView, theme: ChartTheme): readonly SharePart[] {
  const colors = {
    busy: theme.busy,
    bubble: theme.fourth,
    imbalance: theme.fifth,
    transport: theme.muted,
    other: theme.hatch,
  };
  let end = 0;
  return names.map((name) => {
    const [from, share] = [end, shares[name]];
    end += share;
    return { name, share, from, meaning: meanings[name], color: colors[name] };
  });
}

/** `62.1% busy, 37.9% idle: bubble 20.1%, imbalance 9.3%, transport 2.1%, other 6.4%` */
export function splitText({ busy, ...causes }: StepSharesView): string {
  const parts = Object.entries(causes).map(([name, share]) => `${name} ${formatPercent(share)}`);
  return `${formatPercent(busy)} busy, ${formatPercent(1 - busy)} idle: ${parts.join(', ')}`;
}
