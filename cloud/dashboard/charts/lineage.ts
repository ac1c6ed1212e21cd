/** lineageOf: whom an individual was made of, and who was made of it. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import type { DataTable } from './model.js';
import { type Objective, objectiveColumns } from './objectives.js';

export interface Lineage {
  readonly parents: readonly IndividualView[];
  readonly individual: IndividualView;
  readonly children: readonly IndividualView[];
}

export function lineageOf(individuals: readonly IndividualView[], individual: IndividualView): Lineage {
  return {
    parents: individuals.filter(({ index }) => individual.parents.includes(index)),
    individual,
    children: individuals.filter(({ parents }) => parents.includes(individual.index)),
  };
}

export function lineageTable({ parents, individual, children }: Lineage, objectives: readonly Objective[]): DataTable {
  const row = (relation: string) => (relative: IndividualView) => [
    relation,
    relative.index,
    relative.generation,
    ...relative.objectives,
    relative.operators.join(', '),
  ];
  return {
    columns: [
      { label: 'relation' },
      { label: 'individual', format: String },
      { label: 'generation', format: String },
      ...objectiveColumns(objectives),
      { label: 'made by' },
    ],
    rows: [...parents.map(row('parent')), row('itself')(individual), ...children.map(row('child'))],
  };
}
