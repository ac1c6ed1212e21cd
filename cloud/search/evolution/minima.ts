/**
 * Minima: what the sweep of sort.ts has to remember of a front, for three and four objectives.
 *
 * The sweep takes points in ascending order of their first objective, so whether a front dominates the next point depends on the
 * other objectives alone, and of these the front's minima say all: a member that another one is no worse than in all of them is
 * forgotten. They ascend in the second objective, so that a look ends where that becomes greater than the point's:
 *
 *   three objectives   0.1 0.9   0.4 0.5   0.8 0.2            a staircase
 *   four               0.1 0.9 0.3   0.2 0.5 0.8   0.4 0.7 0.1
 */
import type { Points } from './points.js';

/** Members that there is room for at first. */
const initialCapacity = 8;

export class Minima {
  /** Objectives that a member has here: all but the first. */
  readonly #width: number;
  /** [member, objective] */
  #members: Float64Array;
  /** Length of the part of `#members` that is filled. */
  #end = 0;

  constructor(private readonly points: Points) {
    this.#width = points.objectiveCount - 1;
    this.#members = new Float64Array(initialCapacity * this.#width);
  }

  /** Whether a member is no worse than the row in every objective but the first. */
  dominate(row: number): boolean {
    const { values, objectiveCount } = this.points;
    const members = this.#members;
    const width = this.#width;
    const point = row * objectiveCount + 1;
    const second = values[point]!;
    for (let member = 0; member < this.#end && members[member]! <= second; member += width) {
      if (isNoWorseBehind(members, member, values, point, width)) return true;
    }
    return false;
  }

  /** Adds a row that no member dominates, and drops what it makes superfluous. */
  add(row: number): void {
    const { values, objectiveCount } = this.points;
    const width = this.#width;
    const point = row * objectiveCount + 1;
    if (this.#end + width > this.#members.length) this.#grow();
    const members = this.#members;
    let place = 0;
    while (place < this.#end && members[place]! < values[point]!) place += width;

    let kept = place;
    for (let member = place; member < this.#end; member += width) {
      if (isNoWorseBehind(values, point, members, member, width)) continue;
      for (let column = 0; column < width; column++) members[kept + column] = members[member + column]!;
      kept += width;
    }
    members.copyWithin(place + width, place, kept);
    for (let column = 0; column < width; column++) members[place + column] = values[point + column]!;
    this.#end = kept + width;
  }

  #grow(): void {
    const members = new Float64Array(2 * this.#members.length);
    members.set(this.#members);
    this.#members = members;
  }
}

/** Whether a[start..) is no worse than b[other..) in all of `width` objectives but the first of these. */
function isNoWorseBehind(a: Float64Array, start: number, b: Float64Array, other: number, width: number): boolean {
  for (let column = 1; column < width; column++) if (a[start + column]! > b[other + column]!) return false;
  return true;
}
