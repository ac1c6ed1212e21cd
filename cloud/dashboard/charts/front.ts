/** frontOf: who keeps all limits and is beaten by nobody. */
import { kneePoints } from '@bespoke/shared/base/knee.js';
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import type { Objective } from './objectives.js';

/** What the pictures of a population show. */
export interface Population {
  readonly objectives: readonly Objective[];
  readonly individuals: readonly IndividualView[];
  /** The indices of those in its front. */
  readonly front: ReadonlySet<number>;
  /** Of these, those where it bulges. */
  readonly knees: ReadonlySet<number>;
  readonly selectedIndex: number | null;
}

/** Of a front: with few points every one is a bulge, and says nothing. */
export function kneesOf(front: readonly IndividualView[]): Set<number> {
  if (front.length < leastFrontWithKnees) return new Set();
  return new Set(kneePoints(front.map(({ objectives }) => objectives)).map((row) => front[row]!.index));
}

const leastFrontWithKnees = 4;

/** Without those whose training ended early: their error is not known. */
export function trainedOf(population: Population): Population {
  return { ...population, individuals: population.individuals.filter(({ accuracy }) => accuracy !== null) };
}

/** Best in the first objective first. Whoever breaks a limit is dominated by all who keep them, so it is in no front. */
export function frontOf(individuals: readonly IndividualView[]): IndividualView[] {
  const front: IndividualView[] = [];
  // What dominates another stands before it in this order.
  for (const candidate of individuals.filter(({ violation }) => violation === 0).sort(byObjectives))
    if (!front.some((member) => dominates(member, candidate))) front.push(candidate);
  return front;
}

function byObjectives({ objectives: a }: IndividualView, { objectives: b }: IndividualView): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : a[place]! - b[place]!;
}

function dominates({ objectives: a }: IndividualView, { objectives: b }: IndividualView): boolean {
  return a.every((value, index) => value <= b[index]!) && a.some((value, index) => value < b[index]!);
}
