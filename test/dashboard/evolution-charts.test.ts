/** The logic of the evolution's charts, without a browser. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import { frontOf, kneesOf, type Population, trainedOf } from '../../cloud/dashboard/charts/front.js';
import { frontChart } from '../../cloud/dashboard/charts/front-chart.js';
import { hypervolume } from '../../cloud/dashboard/charts/hypervolume.js';
import { lineageOf, lineageTable } from '../../cloud/dashboard/charts/lineage.js';
import { individualText } from '../../cloud/dashboard/charts/objectives.js';
import { opShares } from '../../cloud/dashboard/charts/op-shares.js';
import { parallelCoordinates } from '../../cloud/dashboard/charts/parallel-coordinates.js';
import { rejectionCounts, rejections } from '../../cloud/dashboard/charts/rejections.js';
import { themes } from '../../cloud/dashboard/charts/theme.js';
import { draw } from './draw.js';
import { evolution, frame, individuals, latencyLimitMs, refusedCounts } from './evolution-scenario.js';

const wide = { theme: themes.light, widthPx: 1200 };
const narrow = { theme: themes.light, widthPx: 320 };
const none: Population = {
  objectives: frame.objectives,
  individuals: [],
  front: new Set(),
  knees: new Set(),
  selectedIndex: null,
};
const population: Population = {
  ...none,
  individuals,
  front: new Set(frontOf(individuals).map(({ index }) => index)),
  knees: kneesOf(frontOf(individuals)),
  selectedIndex: 7,
};
type Series = { name: string; data: { name: string; value: number[] }[] }[];

/** An individual with these objectives. */
function individual(
  index: number,
  objectives: readonly number[],
  changes: Partial<IndividualView> = {},
): IndividualView {
  return { ...individuals[0]!, index, objectives, violation: 0, accuracy: 1 - objectives[0]!, ...changes };
}

describe('frontOf', () => {
  it('keeps whom nobody beats, equals included, best in the first objective first', () => {
    const front = frontOf([
      individual(0, [0.5, 2]),
      individual(1, [0.2, 5]),
      individual(2, [0.5, 3]),
      individual(3, [0.2, 5]),
      individual(4, [0.2, 6]),
    ]);
    expect(front.map(({ index }) => index)).toEqual([1, 3, 0]);
  });

  it('leaves out who breaks a limit, however good', () => {
    const front = frontOf([individual(0, [0.5, 2]), individual(1, [0.1, 1], { violation: 0.01 })]);
    expect(front.map(({ index }) => index)).toEqual([0]);
    expect(frontOf([individual(1, [0.1, 1], { violation: 0.01 })])).toEqual([]);
  });
});

describe('frontChart', () => {
  const seriesOf = (...args: Parameters<typeof frontChart>) => frontChart(...args).option.series as Series;

  it('shows every trained individual once: front measured, front predicted, others; and rings the selected one', () => {
    const series = seriesOf(population, [1, 0], wide);
    const counts = Object.fromEntries(series.map(({ name, data }) => [name, data.length]));
    expect(counts['front, measured']! + counts['front, predicted']!).toBe(population.front.size);
    expect(counts['front, measured']).toBeGreaterThan(0);
    expect(counts.others).toBe(trainedOf(population).individuals.length - population.front.size);
    expect(counts.selected).toBe(1);
    expect(series.flatMap(({ data }) => data).find(({ name }) => name === '7')!.value).toEqual([
      individuals[7]!.objectives[1],
      individuals[7]!.objectives[0],
    ]);
  });

  it('draws the limits of the two objectives that it shows', () => {
    const lines = (x: number, y: number) =>
      (seriesOf(population, [x, y], wide).at(-1) as unknown as { markLine: { data: unknown[] } }).markLine.data;
    expect(lines(1, 0)).toMatchObject([{ xAxis: latencyLimitMs, name: 'latency 8.20 ms' }]);
    expect(lines(0, 1)).toMatchObject([{ yAxis: latencyLimitMs, name: 'latency 8.20 ms' }]);
    expect(lines(2, 0)).toEqual([]);
  });

  it('has the limit in the picture where nothing comes near it', () => {
    const cheap: Population = { ...none, individuals: [individual(0, [0.5, 3, 9])], front: new Set([0]) };
    expect(frontChart(cheap, [1, 0], wide).option.xAxis).toMatchObject({ min: 2.4, max: 8.8 });
  });

  it('joins the front of two objectives by a step line', () => {
    const two = [individual(0, [0.5, 2]), individual(1, [0.2, 5]), individual(2, [0.6, 5])];
    const [edge] = seriesOf(
      { ...none, objectives: frame.objectives.slice(0, 2), individuals: two, front: new Set([0, 1]) },
      [1, 0],
      wide,
    );
    expect(edge).toMatchObject({
      name: 'edge of the front',
      step: 'end',
      data: [
        [2, 0.5],
        [5, 0.2],
      ],
    });
    expect(seriesOf(population, [1, 0], wide).map(({ name }) => name)).not.toContain('edge of the front');
  });

  it('says in its table what each individual is', () => {
    const rows = frontChart(population, [1, 0], wide).table.rows;
    expect(new Set(rows.map((row) => row[5]))).toEqual(
      new Set(['front', 'front, knee', 'dominated', 'beyond its limits', 'ended early']),
    );
    expect(rows.filter((row) => String(row[5]).startsWith('front'))).toHaveLength(population.front.size);
    expect(rows.filter((row) => row[5] === 'front, knee')).toHaveLength(population.knees.size);
  });
});

describe('individualText', () => {
  it('says objectives, how the latency is known, and what speaks against it', () => {
    const slow = individual(3, [0.25, 9.9, 1_500_000], {
      generation: 2,
      violation: 0.1,
      latencies: [{ predictedMs: 9.4, measuredMs: 9.9 }],
    });
    expect(individualText(slow, frame.objectives).split('\n')).toEqual([
      'individual 3, generation 2',
      'error 25.0%',
      'latency 9.90 ms',
      'parameters 1.50 M',
      'latency measured',
      'beyond its limits by 10.0%',
    ]);
    const stopped = { ...slow, accuracy: null, latencies: [{ predictedMs: 9.4, measuredMs: null }] };
    expect(individualText(stopped, frame.objectives)).toContain('latency predicted\ntraining ended early');
  });
});

describe('kneesOf', () => {
  it('finds where a front bulges, and nothing in a front of a few points', () => {
    const front = [individual(4, [0, 10]), individual(7, [1, 3]), individual(8, [1.5, 2.95]), individual(9, [10, 0])];
    expect(kneesOf(front)).toEqual(new Set([7]));
    expect(kneesOf(front.slice(0, 3))).toEqual(new Set());
  });
});

describe('parallelCoordinates', () => {
  it('places each trained individual between the ends of every axis', () => {
    const trained = [individual(0, [0.2, 4, 9]), individual(1, [0.6, 2, 9]), individual(2, [0.4, 3, 9])];
    const stopped = individual(3, [0.9, 1, 1], { accuracy: null });
    const model = parallelCoordinates({ ...none, individuals: [...trained, stopped] }, wide);
    const lines = (model.option.series as Series)[1]!.data;
    expect(lines.map(({ name, value }) => [name, value.slice(1).map((share) => Number(share.toFixed(9)))])).toEqual([
      ['0', [0.5, 0, 1, 0.5]],
      ['1', [0.5, 1, 0, 0.5]],
      ['2', [0.5, 0.5, 0.5, 0.5]],
    ]);
    expect(model.table.rows).toHaveLength(3);
  });
});

describe('hypervolume', () => {
  it('begins with the first complete population, and marks what the other pictures show', () => {
    const { option, table } = hypervolume({ individuals, evaluationCount: 120, shownCount: 60 }, wide);
    expect(table.rows).toHaveLength(101);
    expect(table.rows[0]).toEqual([20, 0, individuals[19]!.hypervolume]);
    expect(option.series).toMatchObject([{ markLine: { data: [{ xAxis: 60 }] } }]);
    const live = hypervolume({ individuals, evaluationCount: 120, shownCount: 120 }, wide);
    expect((live.option.series as object[])[0]).not.toHaveProperty('markLine');
  });
});

describe('rejections', () => {
  it('adds the trainings that were ended early to what was refused before', () => {
    const endedCount = individuals.filter(({ accuracy }) => accuracy === null).length;
    expect(endedCount).toBeGreaterThan(0);
    expect(rejectionCounts(evolution)).toEqual([
      ...Object.entries(refusedCounts),
      ['zero-cost score', 0],
      ['training ended early', endedCount],
    ]);
    const untrained = individual(0, [1, 2, 3], { accuracy: null, probeAccuracy: null });
    expect(rejectionCounts({ refusedCounts: {}, individuals: [...individuals, untrained] })).toEqual([
      ['zero-cost score', 1],
      ['training ended early', endedCount],
    ]);
  });
});

describe('lineageOf', () => {
  it('finds parents and children, and none of the first population', () => {
    const family = [0, 1, 2, 3].map((index) => individual(index, [0.5, 2, 3]));
    const all = [family[0]!, family[1]!, { ...family[2]!, parents: [0, 1] }, { ...family[3]!, parents: [2] }];
    const lineage = lineageOf(all, all[2]!);
    expect(lineage.parents.map(({ index }) => index)).toEqual([0, 1]);
    expect(lineage.children.map(({ index }) => index)).toEqual([3]);
    expect(lineageOf(all, all[0]!).parents).toEqual([]);
    expect(lineageTable(lineage, frame.objectives).rows.map(([relation, index]) => [relation, index])).toEqual([
      ['parent', 0],
      ['parent', 1],
      ['itself', 2],
      ['child', 3],
    ]);
  });
});

describe('charts', () => {
  const course = { individuals, evaluationCount: 120, shownCount: 60 };
  it.each([
    ['frontChart', (context: typeof wide) => frontChart(population, [1, 0], context)],
    ['parallelCoordinates', (context: typeof wide) => parallelCoordinates(population, context)],
    ['hypervolume', (context: typeof wide) => hypervolume(course, context)],
    ['opShares', (context: typeof wide) => opShares(individuals, context)],
    ['rejections', (context: typeof wide) => rejections(rejectionCounts(evolution), context)],
  ])('%s draws, wide and narrow, and tells screen readers what it shows', (_, build) => {
    for (const context of [wide, narrow]) {
      const model = build(context);
      expect(draw(model, context.widthPx)).toMatch(/^<svg/);
      expect(model.option.aria).toMatchObject({ enabled: true, label: { description: expect.stringMatching(/\.$/) } });
      expect(model.table.rows.length).toBeGreaterThan(0);
    }
  });

  it('draw before the first individual, too', () => {
    for (const model of [
      frontChart(none, [1, 0], wide),
      parallelCoordinates(none, wide),
      hypervolume({ individuals: [], evaluationCount: 0, shownCount: 0 }, wide),
      opShares([], wide),
      rejections(rejectionCounts({ individuals: [], refusedCounts: {} }), wide),
    ])
      expect(draw(model, 1200)).toMatch(/^<svg/);
  });
});
