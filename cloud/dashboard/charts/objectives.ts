/** What an evolution minimises, in words: a row per unit for axes, tables and tooltips. */
import type { EvolutionFrame, IndividualView } from '@bespoke/shared/protocol/api.js';
import { formatBytes, formatCount, formatMs, formatPercent, formatSignificant } from '../format.js';
import type { Column } from './model.js';

export type Objective = EvolutionFrame['objectives'][number];

interface UnitWords {
  /** Stands behind the name where values stand without their unit. */
  readonly suffix: string;
  /** Under the name with its suffix. */
  readonly short: (value: number) => string;
  /** Alone. */
  readonly full: (value: number) => string;
}

const units: { readonly [U in Objective['unit']]: UnitWords } = {
  share: { suffix: '', short: formatPercent, full: formatPercent },
  ms: { suffix: ' (ms)', short: formatSignificant, full: formatMs },
  count: { suffix: '', short: formatCount, full: formatCount },
  bytes: { suffix: '', short: formatBytes, full: formatBytes },
};

/** `latency (ms)` */
export function objectiveLabel({ name, unit }: Objective): string {
  return `${name}${units[unit].suffix}`;
}

/** A value under the objective's label. */
export function formatShort({ unit }: Objective, value: number): string {
  return units[unit].short(value);
}

/** `latency 3.10 ms` */
export function objectiveText(objective: Objective, value: number): string {
  return `${objective.name} ${units[objective.unit].full(value)}`;
}

export function objectiveColumns(objectives: readonly Objective[]): Column[] {
  return objectives.map((objective) => ({ label: objectiveLabel(objective), format: units[objective.unit].short }));
}

/** The device has timed it whole, each of several. */
export function isMeasured({ latencies }: IndividualView): boolean {
  return latencies.length > 0 && latencies.every(({ measuredMs }) => measuredMs !== null);
}

/** What a tooltip says of an individual, line by line. */
export function individualText(individual: IndividualView, objectives: readonly Objective[]): string {
  const { index, generation, accuracy, probeAccuracy, violation } = individual;
  return [
    `individual ${index}, generation ${generation}`,
    ...objectives.map((objective, place) => objectiveText(objective, individual.objectives[place]!)),
    isMeasured(individual) ? 'latency measured' : 'latency predicted',
    ...(accuracy === null ? [probeAccuracy === null ? 'not trained' : 'training ended early'] : []),
    ...(violation > 0 ? [`beyond its limits by ${formatPercent(violation)}`] : []),
  ].join('\n');
}
