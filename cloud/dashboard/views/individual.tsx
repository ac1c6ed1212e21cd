/** Individual: the selected network of an evolution. Its figures, its relatives, its cells. */
import type { EvolutionView, IndividualView } from '@bespoke/shared/protocol/api.js';
import { memo, useMemo } from 'react';
import { CellDrawing } from '../charts/cell-drawing.js';
import { formatShort, objectiveLabel } from '../charts/objectives.js';
import { formatDuration, formatMs, formatPercent } from '../format.js';
import { LineageFigure } from './lineage.js';

interface IndividualProps {
  readonly evolution: EvolutionView;
  readonly individual: IndividualView;
  readonly onPick: (index: string | null) => void;
}

export const Individual = memo(function Individual({ evolution, individual, onPick }: IndividualProps) {
  const { individuals, objectives } = evolution;
  const { index, genotype } = individual;
  const cells = useMemo(
    () =>
      genotype && {
        normal: { pairs: genotype.normal, concat: genotype.normalConcat },
        reduction: { pairs: genotype.reduce, concat: genotype.reduceConcat },
      },
    [genotype],
  );
  return (
    <>
      <div className="chart-grid">
        <section className="card chart" aria-label={`Individual ${index}`}>
          <div className="row">
            <h3>Individual {index}</h3>
            <button type="button" className="close" onClick={() => onPick(null)}>
              Close
            </button>
          </div>
          <dl className="figures">
            {factsOf(individual, objectives).map(([name, text]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
        <LineageFigure individuals={individuals} individual={individual} objectives={objectives} onPick={onPick} />
      </div>
      {cells && (
        <div className="chart-grid">
          <CellDrawing title={`Normal cell of individual ${index}`} cell={cells.normal} />
          <CellDrawing title={`Reduction cell of individual ${index}`} cell={cells.reduction} />
        </div>
      )}
    </>
  );
});

const formatScore = (score: number) => score.toFixed(1);

function leastText(least: number | null, format: (value: number) => string): string {
  return least === null ? '' : `, least ${format(least)}`;
}

type Fact = readonly [name: string, text: string];

function factsOf(individual: IndividualView, objectives: EvolutionView['objectives']): Fact[] {
  const { generation, accuracy, probeAccuracy, zeroCostScore, standards, latencies, violation, seconds } = individual;
  return [
    ['generation', String(generation)],
    [
      'accuracy',
      accuracy === null ? (probeAccuracy === null ? 'not trained' : 'ended early') : formatPercent(accuracy),
    ],
    ...objectives.map(
      (objective, place): Fact => [objectiveLabel(objective), formatShort(objective, individual.objectives[place]!)],
    ),
    ...latencies.flatMap(({ predictedMs, measuredMs }, target): Fact[] => {
      const where = latencies.length > 1 ? ` on target ${target + 1}` : '';
      return [
        [`predicted${where}`, formatMs(predictedMs)],
        [`measured${where}`, measuredMs === null ? 'not measured' : formatMs(measuredMs)],
      ];
    }),
    [`zero-cost score${leastText(standards.zeroCostScore, formatScore)}`, formatScore(zeroCostScore)],
    [
      `probe accuracy${leastText(standards.probeAccuracy, formatPercent)}`,
      probeAccuracy === null ? 'not trained' : formatPercent(probeAccuracy),
    ],
    ['limits', violation > 0 ? `missed by ${formatPercent(violation)}` : 'kept'],
    ['evaluated in', seconds === 0 ? 'no time: known' : formatDuration(1000 * seconds)],
  ];
}
