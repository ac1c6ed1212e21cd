/**
 * Slice: the 3-D volume that each point adds to those before it, for the 4-D hypervolume: of the point's box up to the reference, what
 * is not covered by the others pushed into it.
 *
 * Rows are kept ascending in the third objective, which pushing does not upset, so a box needs no sorting. A row that another one
 * is no worse than in all three objectives is dropped: whatever it covers, the other one covers.
 */
import type { Points } from './points.js';
import { Staircase } from './staircase.js';

export class Slice {
  readonly #rows: Uint32Array;
  #count = 0;
  readonly #staircase: Staircase;

  /** `points` have four objectives, of which the fourth plays no part here. */
  constructor(
    private readonly points: Points,
    private readonly reference: readonly number[],
  ) {
    this.#rows = new Uint32Array(points.count);
    this.#staircase = new Staircase(points.count, reference[0]!, reference[1]!);
  }

  /** Adds a point and returns the volume that it adds. */
  add(row: number): number {
    const volume = this.#exclusiveVolume(row);
    this.#insert(row);
    return volume;
  }

  #exclusiveVolume(row: number): number {
    const { values } = this.points;
    const [x, y, z] = [values[row * 4]!, values[row * 4 + 1]!, values[row * 4 + 2]!];
    const [right, top, end] = this.reference as readonly [number, number, number];
    const staircase = this.#staircase;
    staircase.clear();
    let [covered, height] = [0, z];
    for (let index = 0; index < this.#count; index++) {
      const other = this.#rows[index]! * 4;
      const next = Math.max(z, values[other + 2]!);
      covered += staircase.area * (next - height);
      height = next;
      staircase.add(Math.max(x, values[other]!), Math.max(y, values[other + 1]!));
    }
    covered += staircase.area * (end - height);
    return (right - x) * (top - y) * (end - z) - covered;
  }

  #insert(row: number): void {
    const { values } = this.points;
    const rows = this.#rows;
    let [kept, place] = [0, 0];
    for (let index = 0; index < this.#count; index++) {
      const other = rows[index]!;
      if (isNoWorse(values, other, row)) return; // and none was dropped before: `other` would cover it, too
      if (isNoWorse(values, row, other)) continue;
      if (values[other * 4 + 2]! <= values[row * 4 + 2]!) place = kept + 1;
      rows[kept++] = other;
    }
    rows.copyWithin(place + 1, place, kept);
    rows[place] = row;
    this.#count = kept + 1;
  }
}

/** Whether row a is no worse than row b in the first three objectives. */
function isNoWorse(values: Float64Array, a: number, b: number): boolean {
  return (
    values[a * 4]! <= values[b * 4]! &&
    values[a * 4 + 1]! <= values[b * 4 + 1]! &&
    values[a * 4 + 2]! <= values[b * 4 + 2]!
  );
}
