/** EvolutionControls: which generation the pictures show, which objectives, and which individual is selected. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { useId, useMemo } from 'react';
import type { Population } from '../charts/front.js';
import type { FrontAxes } from '../charts/front-chart.js';
import { objectiveLabel, objectiveText } from '../charts/objectives.js';
import { Choice } from './choice.js';

interface ControlsProps {
  readonly population: Population;
  readonly generation: number;
  readonly lastGeneration: number;
  readonly onGeneration: (generation: number) => void;
  readonly axes: FrontAxes;
  readonly choose: (changes: Readonly<Record<string, string | null>>) => void;
}

export function EvolutionControls(props: ControlsProps) {
  const { population, generation, lastGeneration, onGeneration, axes, choose } = props;
  const { objectives, front, individuals, selectedIndex } = population;
  const options = useMemo(() => individualOptions(population), [population]);
  return (
    <section className="card controls" aria-label="What the pictures show">
      <GenerationSlider generation={generation} last={lastGeneration} onChoose={onGeneration} />
      {objectives.length > 2 && <AxisChoices objectives={objectives} axes={axes} choose={choose} />}
      <Choice
        label="Individual"
        value={individuals.some(({ index }) => index === selectedIndex) ? String(selectedIndex) : ''}
        options={options}
        onChoose={(index) => choose({ individual: index })}
      />
      <p className="muted" aria-live="polite">
        {individuals.length} networks, {front.size} in the front
      </p>
    </section>
  );
}

interface SliderProps {
  readonly generation: number;
  readonly last: number;
  readonly onChoose: (generation: number) => void;
}

function GenerationSlider({ generation, last, onChoose }: SliderProps) {
  const id = useId();
  const text = `${generation} of ${last}`;
  return (
    <div className="choice">
      <label htmlFor={id}>Generation</label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        value={generation}
        aria-valuetext={text}
        disabled={last === 0}
        onChange={(event) => onChoose(Number(event.target.value))}
      />
      <output htmlFor={id}>{text}</output>
    </div>
  );
}

/** Choosing the other axis's objective swaps the two. */
function AxisChoices({
  objectives,
  axes: [x, y],
  choose,
}: Pick<ControlsProps, 'axes' | 'choose'> & Pick<Population, 'objectives'>) {
  const options = objectives.map((objective, index) => ({ value: String(index), text: objectiveLabel(objective) }));
  return (
    <>
      <Choice
        label="Along"
        value={String(x)}
        options={options}
        onChoose={(chosen) => choose({ x: chosen, y: String(Number(chosen) === y ? x : y) })}
      />
      <Choice
        label="Up"
        value={String(y)}
        options={options}
        onChoose={(chosen) => choose({ y: chosen, x: String(Number(chosen) === x ? y : x) })}
      />
    </>
  );
}

/** The front first: the way to an individual without a pointer. */
function individualOptions({ individuals, front, objectives }: Population) {
  const option = ({ index, objectives: values }: IndividualView) => ({
    value: String(index),
    text: `${front.has(index) ? 'front: ' : ''}#${index}, ${objectives.map((objective, place) => objectiveText(objective, values[place]!)).join(', ')}`,
  });
  return [
    { value: '', text: 'choose here, or a point or line' },
    ...individuals.filter(({ index }) => front.has(index)).map(option),
    ...individuals.filter(({ index }) => !front.has(index)).map(option),
  ];
}
