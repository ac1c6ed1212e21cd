/** LineageFigure: the selected individual between its parents and its children, each a button that selects it. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { useId, useMemo } from 'react';
import { Numbers } from '../charts/data-table.js';
import { lineageOf, lineageTable } from '../charts/lineage.js';
import { type Objective, objectiveText } from '../charts/objectives.js';

interface LineageProps {
  readonly individuals: readonly IndividualView[];
  readonly individual: IndividualView;
  readonly objectives: readonly Objective[];
  readonly onPick: (index: string) => void;
}

export function LineageFigure({ individuals, individual, objectives, onPick }: LineageProps) {
  const titleId = useId();
  const lineage = useMemo(() => lineageOf(individuals, individual), [individuals, individual]);
  const table = useMemo(() => lineageTable(lineage, objectives), [lineage, objectives]);
  const { parents, children } = lineage;
  const title = `Lineage of individual ${individual.index}`;
  const relatives = { objectives, onPick };
  return (
    <figure className="card chart" aria-labelledby={titleId}>
      <figcaption>
        <h3 id={titleId}>{title}</h3>
        <p className="muted">
          {parents.length === 0
            ? 'Of the first population: drawn, not bred.'
            : `Made by ${individual.operators.join(', then ')}.`}
        </p>
      </figcaption>
      <div className="lineage">
        <Relatives name="Parents" members={parents} none="none" {...relatives} />
        <span className="arrow" aria-hidden="true">
          →
        </span>
        <p className="self">
          <strong>#{individual.index}</strong> generation {individual.generation}
        </p>
        <span className="arrow" aria-hidden="true">
          →
        </span>
        <Relatives name="Children" members={children} none="none so far" {...relatives} />
      </div>
      <Numbers table={table} name={title} />
    </figure>
  );
}

interface RelativesProps extends Pick<LineageProps, 'objectives' | 'onPick'> {
  readonly name: string;
  readonly members: readonly IndividualView[];
  readonly none: string;
}

function Relatives({ name, members, none, objectives, onPick }: RelativesProps) {
  const titleId = useId();
  return (
    <section aria-labelledby={titleId}>
      <h4 id={titleId} className="muted">
        {name}
      </h4>
      {members.length === 0 ? (
        <p>{none}</p>
      ) : (
        <ul className="relatives">
          {members.map(({ index, objectives: values, operators }) => (
            <li key={index}>
              <button type="button" onClick={() => onPick(String(index))}>
                <strong>#{index}</strong>{' '}
                {objectives
                  .slice(0, 2)
                  .map((objective, place) => objectiveText(objective, values[place]!))
                  .join(', ')}
                {name === 'Children' && <span className="muted small">{operators.join(', ')}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
