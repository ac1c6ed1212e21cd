/**
 * Fronts in the making: puts points, which come in lexicographic order, into the first front that does not dominate them. What front k
 * dominates, all fronts before k dominate, too, so that front is found by bisection (ENS-BS, Zhang et al. 2015).
 */
import { Minima } from './minima.js';
import type { Points } from './points.js';

export interface Fronts {
  readonly count: number;
  /** Says which front the row went into; no row equals the one before it. */
  place(row: number): number;
}

export function openFronts(points: Points): Fronts {
  return points.objectiveCount === 2 ? new PlaneFronts(points) : new SpaceFronts(points);
}

/** Two objectives: the least second objective of a front says all, and it is that of the member that came last. */
class PlaneFronts implements Fronts {
  count = 0;
  readonly #leasts: Float64Array;

  constructor(private readonly points: Points) {
    this.#leasts = new Float64Array(points.count);
  }

  place(row: number): number {
    const leasts = this.#leasts;
    const second = this.points.values[row * 2 + 1]!;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (leasts[middle]! <= second) low = middle + 1;
      else high = middle;
    }
    if (low === this.count) this.count++;
    leasts[low] = second;
    return low;
  }
}

/** Three or four: a look at a front is a look at its minima. */
class SpaceFronts implements Fronts {
  readonly #minima: Minima[] = [];

  constructor(private readonly points: Points) {}

  get count(): number {
    return this.#minima.length;
  }

  place(row: number): number {
    let low = 0;
    let high = this.#minima.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#minima[middle]!.dominate(row)) low = middle + 1;
      else high = middle;
    }
    if (low === this.#minima.length) this.#minima.push(new Minima(this.points));
    this.#minima[low]!.add(row);
    return low;
  }
}
