/**
 * Hypervolume (Zitzler and Thiele 1998): the volume that points dominate up to a reference point, exactly, for 2 to 4 objectives.
 * The one measure of a front that grows whenever the front gets better, and only then.
 *
 *   2   steps under a staircase
 *   3   a plane sweeps up the third objective; between two points the volume grows by the staircase's area (Fonseca et al. 2006)
 *   4   points ascend in the fourth objective; each adds the 3-D volume that those before it leave it, times its own extent
 *       (slice.ts, after While et al. 2012, WFG)
 *
 * Points may dominate each other; those that are not below the reference in every objective count nothing.
 */
import { ascendingRows } from './order.js';
import { gather, type ObjectiveCount, type Points, rowsWhere } from './points.js';
import { Slice } from './slice.js';
import { Staircase } from './staircase.js';

type Reference = readonly number[];

const volumes: { readonly [M in ObjectiveCount]: (points: Points, reference: Reference) => number } = {
  2: areaOf,
  3: volumeOf,
  4: hypervolumeOf,
};

/** `reference` has one number per objective. */
export function hypervolume(points: Points, reference: Reference): number {
  const inside = rowsWhere(points.count, (row) => isBelow(points, row, reference));
  return volumes[points.objectiveCount](gather(points, inside), reference);
}

function isBelow({ values, objectiveCount }: Points, row: number, reference: Reference): boolean {
  for (let column = 0; column < objectiveCount; column++) {
    if (values[row * objectiveCount + column]! >= reference[column]!) return false;
  }
  return true;
}

function areaOf(points: Points, reference: Reference): number {
  const staircase = new Staircase(points.count, reference[0]!, reference[1]!);
  for (const row of ascendingRows(points, 0)) staircase.add(points.values[row * 2]!, points.values[row * 2 + 1]!);
  return staircase.area;
}

function volumeOf(points: Points, reference: Reference): number {
  const { values } = points;
  const staircase = new Staircase(points.count, reference[0]!, reference[1]!);
  let [volume, height] = [0, 0];
  for (const row of ascendingRows(points, 2)) {
    volume += staircase.area * (values[row * 3 + 2]! - height);
    height = values[row * 3 + 2]!;
    staircase.add(values[row * 3]!, values[row * 3 + 1]!);
  }
  return volume + staircase.area * (reference[2]! - height);
}

function hypervolumeOf(points: Points, reference: Reference): number {
  const slice = new Slice(points, reference);
  let sum = 0;
  for (const row of ascendingRows(points, 3)) sum += slice.add(row) * (reference[3]! - points.values[row * 4 + 3]!);
  return sum;
}
