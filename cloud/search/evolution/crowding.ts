/**
 * Crowding (Deb et al. 2002, §III-B): how far apart a member's neighbours in its own front are, summed over all objectives, each
 * in units of the front's range. The ends of every objective have all the room there is; an objective that is the same for all tells nothing.
 *
 * Truncation removes one member at a time and gives its room to its neighbours before it looks for the next one (Kukkonen and
 * Deb 2006). Deb's own removes all at once by distances that were true before: two crowded neighbours both go and leave a hole.
 */
import { ascendingRows } from './order.js';
import { gather, type Points } from './points.js';

const none = -1;

/** Crowding distance of each row of a front, in the front's order; Infinity at the ends. */
export function crowdingDistances(points: Points, front: Uint32Array): Float64Array {
  return new Crowd(gather(points, front)).distances;
}

/** The `count` rows of a front that are left when the most crowded is removed again and again; in the front's order. */
export function leastCrowded(points: Points, front: Uint32Array, count: number): Uint32Array {
  const crowd = new Crowd(gather(points, front));
  const isLeft = new Uint8Array(front.length).fill(1);
  for (let leftCount = front.length; leftCount > count; leftCount--) {
    let least = none;
    for (let member = 0; member < front.length; member++) {
      if (isLeft[member] && (least === none || crowd.distances[member]! < crowd.distances[least]!)) least = member;
    }
    isLeft[least] = 0;
    crowd.remove(least);
  }
  return front.filter((_, member) => isLeft[member]);
}

/** The members of a front as a doubly linked list for each objective. */
class Crowd {
  readonly distances: Float64Array;
  /** [objective, member]: the member before and after it. */
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  /** 1 / range of each objective; 0 where that is nothing. */
  readonly #scales: Float64Array;

  constructor(private readonly points: Points) {
    const { count, objectiveCount } = points;
    this.#before = new Int32Array(objectiveCount * count).fill(none);
    this.#after = new Int32Array(objectiveCount * count).fill(none);
    this.#scales = new Float64Array(objectiveCount);
    for (let objective = 0; objective < objectiveCount; objective++) this.#link(objective);
    this.distances = new Float64Array(count);
    for (let member = 0; member < count; member++) this.distances[member] = this.#distance(member);
  }

  /** Takes a member out and updates the distances of its neighbours. */
  remove(member: number): void {
    const { count, objectiveCount } = this.points;
    for (let objective = 0; objective < objectiveCount; objective++) {
      const [before, after] = [this.#before[objective * count + member]!, this.#after[objective * count + member]!];
      if (before !== none) this.#after[objective * count + before] = after;
      if (after !== none) this.#before[objective * count + after] = before;
      if (before !== none) this.distances[before] = this.#distance(before);
      if (after !== none) this.distances[after] = this.#distance(after);
    }
  }

  #link(objective: number): void {
    const { values, count, objectiveCount } = this.points;
    const order = ascendingRows(this.points, objective);
    for (let place = 1; place < count; place++) {
      this.#before[objective * count + order[place]!] = order[place - 1]!;
      this.#after[objective * count + order[place - 1]!] = order[place]!;
    }
    const [first, last] = [order[0]!, order[count - 1]!];
    const range = values[last * objectiveCount + objective]! - values[first * objectiveCount + objective]!;
    this.#scales[objective] = range > 0 ? 1 / range : 0;
  }

  #distance(member: number): number {
    const { values, count, objectiveCount } = this.points;
    if (count === 1) return Number.POSITIVE_INFINITY;
    let sum = 0;
    for (let objective = 0; objective < objectiveCount; objective++) {
      if (this.#scales[objective] === 0) continue;
      const [before, after] = [this.#before[objective * count + member]!, this.#after[objective * count + member]!];
      if (before === none || after === none) return Number.POSITIVE_INFINITY;
      const gap = values[after * objectiveCount + objective]! - values[before * objectiveCount + objective]!;
      sum += gap * this.#scales[objective]!;
    }
    return sum;
  }
}
