/**
 * Test problems with known fronts: ZDT (Zitzler, Deb and Thiele 2000) and DTLZ (Deb et al. 2005), as pymoo has them. `generationCount` and
 * `reference` are those of the comparison with pymoo's NSGA2 (test/bench/evolution.mjs), populations of 100.
 */
import type { ObjectiveCount } from '@bespoke/cloud/search/evolution/points.js';
import type { Bounds } from '@bespoke/cloud/search/evolution/real-variation.js';

export interface Problem {
  readonly bounds: readonly Bounds[];
  readonly objectiveCount: ObjectiveCount;
  readonly generationCount: number;
  readonly reference: readonly number[];
  evaluate(x: readonly number[]): number[];
}

const { PI, cos, exp, sin, sqrt } = Math;

const unit = (count: number): Bounds[] => Array.from({ length: count }, () => ({ low: 0, high: 1 }));

function sum(x: readonly number[], from: number, term: (value: number) => number): number {
  let total = 0;
  for (let index = from; index < x.length; index++) total += term(x[index]!);
  return total;
}

const same = (value: number) => value;

/** ZDT's common part: f1 and g of the genes, f2 = g * h(f1, g). */
function zdt(
  bounds: readonly Bounds[],
  parts: (x: readonly number[]) => { f1: number; g: number; h: number },
): Problem {
  return {
    bounds,
    objectiveCount: 2,
    generationCount: 250,
    reference: [1.1, 1.1],
    evaluate(x) {
      const { f1, g, h } = parts(x);
      return [f1, g * h];
    },
  };
}

/** g of ZDT1 to ZDT3. */
const mean = (x: readonly number[]) => 1 + (9 / (x.length - 1)) * sum(x, 1, same);

const dtlz = (geneCount: number, rest: Pick<Problem, 'generationCount' | 'reference' | 'evaluate'>): Problem => ({
  bounds: unit(geneCount),
  objectiveCount: 3,
  ...rest,
});

export const problems = {
  zdt1: zdt(unit(30), (x) => {
    const [f1, g] = [x[0]!, mean(x)];
    return { f1, g, h: 1 - sqrt(f1 / g) };
  }),
  zdt2: zdt(unit(30), (x) => {
    const [f1, g] = [x[0]!, mean(x)];
    return { f1, g, h: 1 - (f1 / g) ** 2 };
  }),
  zdt3: zdt(unit(30), (x) => {
    const [f1, g] = [x[0]!, mean(x)];
    return { f1, g, h: 1 - sqrt(f1 / g) - (f1 / g) * sin(10 * PI * f1) };
  }),
  zdt4: zdt([{ low: 0, high: 1 }, ...Array.from({ length: 9 }, () => ({ low: -5, high: 5 }))], (x) => {
    const f1 = x[0]!;
    const g = 1 + 10 * (x.length - 1) + sum(x, 1, (value) => value * value - 10 * cos(4 * PI * value));
    return { f1, g, h: 1 - sqrt(f1 / g) };
  }),
  zdt6: zdt(unit(10), (x) => {
    const f1 = 1 - exp(-4 * x[0]!) * sin(6 * PI * x[0]!) ** 6;
    const g = 1 + 9 * (sum(x, 1, same) / (x.length - 1)) ** 0.25;
    return { f1, g, h: 1 - (f1 / g) ** 2 };
  }),
  dtlz1: dtlz(7, {
    generationCount: 400,
    reference: [0.55, 0.55, 0.55],
    evaluate(x) {
      const [a, b] = [x[0]!, x[1]!];
      const g = 100 * sum(x, 2, (value) => 1 + (value - 0.5) ** 2 - cos(20 * PI * (value - 0.5)));
      return [0.5 * (1 + g) * a * b, 0.5 * (1 + g) * a * (1 - b), 0.5 * (1 + g) * (1 - a)];
    },
  }),
  dtlz2: dtlz(12, {
    generationCount: 250,
    reference: [1.1, 1.1, 1.1],
    evaluate(x) {
      const [a, b] = [(x[0]! * PI) / 2, (x[1]! * PI) / 2];
      const radius = 1 + sum(x, 2, (value) => (value - 0.5) ** 2);
      return [radius * cos(a) * cos(b), radius * cos(a) * sin(b), radius * sin(a)];
    },
  }),
  dtlz7: dtlz(22, {
    generationCount: 250,
    reference: [1.1, 1.1, 6.6],
    evaluate(x) {
      const [a, b] = [x[0]!, x[1]!];
      const g = 1 + (9 / (x.length - 2)) * sum(x, 2, same);
      const term = (value: number) => (value / (1 + g)) * (1 + sin(3 * PI * value));
      return [a, b, (1 + g) * (3 - term(a) - term(b))];
    },
  }),
} satisfies { readonly [name: string]: Problem };

export type ProblemName = keyof typeof problems;
