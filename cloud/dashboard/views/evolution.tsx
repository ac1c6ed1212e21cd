/** EvolutionCharts: a population as it was after a generation, the individual that is selected in it, and its whole course. */
import type { EvolutionView, IndividualView } from '@bespoke/shared/protocol/api.js';
import { memo, useCallback, useDeferredValue, useMemo, useState } from 'react';
import { Chart } from '../charts/chart.js';
import { frontOf, kneesOf, type Population } from '../charts/front.js';
import { type FrontAxes, frontChart } from '../charts/front-chart.js';
import { hypervolume } from '../charts/hypervolume.js';
import { opShares } from '../charts/op-shares.js';
import { parallelCoordinates } from '../charts/parallel-coordinates.js';
import { rejectionCounts, rejections } from '../charts/rejections.js';
import type { ChartContext } from '../charts/theme.js';
import { formatInteger } from '../format.js';
import { useChoices } from '../route.js';
import { EvolutionControls } from './evolution-controls.js';
import { Individual } from './individual.js';

/** `evolution` has an individual at least. */
export function EvolutionCharts({ evolution }: { readonly evolution: EvolutionView }) {
  const { individuals, objectives } = evolution;
  const [choice, choose] = useChoices();
  const last = individuals.reduce((latest, { generation }) => Math.max(latest, generation), 0);
  // Not in the address, which changes too late for a slider that is dragged. The end is no choice, so that it moves on with the evolution.
  const [chosen, setChosen] = useState<number | null>(null);
  const generation = Math.min(chosen ?? last, last);
  const [x, y] = axesOf(objectives, choice('x'), choice('y'));
  const selected = individuals.find(({ index }) => String(index) === choice('individual')) ?? null;
  const population = usePopulation(evolution, useDeferredValue(generation), selected);
  const pick = useCallback((index: string | null) => choose({ individual: index }), [choose]);
  return (
    <>
      <EvolutionControls
        population={population}
        generation={generation}
        lastGeneration={last}
        onGeneration={(wanted) => setChosen(wanted === last ? null : wanted)}
        axes={[x, y]}
        choose={choose}
      />
      <PopulationCharts population={population} x={x} y={y} onPick={pick} />
      {selected && <Individual evolution={evolution} individual={selected} onPick={pick} />}
      <CourseCharts evolution={evolution} shownCount={population.individuals.length} />
    </>
  );
}

/** A whole number below `count`, or null. */
function placeIn(count: number, text: string | null): number | null {
  const place = Number(text);
  return text !== null && Number.isInteger(place) && place >= 0 && place < count ? place : null;
}

/** Two different objectives; unless chosen, the first up and the second along: error over latency. */
function axesOf(objectives: EvolutionView['objectives'], x: string | null, y: string | null): FrontAxes {
  const up = placeIn(objectives.length, y) ?? 0;
  const along = placeIn(objectives.length, x) ?? 1;
  return along === up ? [up === 0 ? 1 : 0, up] : [along, up];
}

/** Who was there after `generation`. */
function usePopulation(
  { individuals, objectives }: EvolutionView,
  generation: number,
  selected: IndividualView | null,
): Population {
  const shown = useMemo(
    () => individuals.filter((individual) => individual.generation <= generation),
    [individuals, generation],
  );
  const [front, knees] = useMemo(() => {
    const members = frontOf(shown);
    return [new Set(members.map(({ index }) => index)), kneesOf(members)];
  }, [shown]);
  const selectedIndex = selected?.index ?? null;
  return useMemo(
    () => ({ objectives, individuals: shown, front, knees, selectedIndex }),
    [objectives, shown, front, knees, selectedIndex],
  );
}

interface PopulationChartsProps {
  readonly population: Population;
  readonly x: number;
  readonly y: number;
  readonly onPick: (index: string) => void;
}

/** Remembered, as all that is heavy here, so that the slider moves before the pictures do. */
const PopulationCharts = memo(function PopulationCharts({ population, x, y, onPick }: PopulationChartsProps) {
  const front = useCallback((context: ChartContext) => frontChart(population, [x, y], context), [population, x, y]);
  const parallel = useCallback((context: ChartContext) => parallelCoordinates(population, context), [population]);
  const many = population.objectives.length > 2;
  return (
    <div className="chart-grid">
      <Chart
        title="Front"
        note={`Left and down is better. A ring: measured on the device; hollow: predicted; a diamond: a knee, where a little gained in one objective costs much of another; faded: dominated, or beyond a limit. Those whose training ended early are left out.${many ? ` The front is that of all ${population.objectives.length} objectives, so that here some seem beaten.` : ''}`}
        build={front}
        onPick={onPick}
      />
      <Chart
        title="Parallel coordinates"
        note="A line per network, from its generation through its objectives, where lower is better; the front is blue. The numbers stand under the front."
        build={parallel}
        twin="hidden"
        onPick={onPick}
      />
    </div>
  );
});

interface CourseProps {
  readonly evolution: EvolutionView;
  readonly shownCount: number;
}

const CourseCharts = memo(function CourseCharts({ evolution, shownCount }: CourseProps) {
  const { individuals, evaluationCount, refusedCounts } = evolution;
  const volume = useCallback(
    (context: ChartContext) => hypervolume({ individuals, evaluationCount, shownCount }, context),
    [individuals, evaluationCount, shownCount],
  );
  const refused = useCallback(
    (context: ChartContext) => rejections(rejectionCounts({ refusedCounts, individuals }), context),
    [refusedCounts, individuals],
  );
  const ops = useCallback((context: ChartContext) => opShares(individuals, context), [individuals]);
  return (
    <>
      <div className="chart-grid">
        <Chart
          title="Hypervolume"
          note="What the front has taken of the box between 0 and the reference point, in all objectives."
          build={volume}
        />
        <Chart
          title="Rejections by stage"
          note={`Networks that cost no full training; ${formatInteger(individuals.length)} were evaluated.`}
          build={refused}
        />
      </div>
      {individuals.some(({ genotype }) => genotype) && (
        <Chart
          title="Ops over generations"
          note="Of the networks born in each generation, both cells together."
          build={ops}
        />
      )}
    </>
  );
});
