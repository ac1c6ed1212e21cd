/**
 * Order: sorts row numbers by the values in a column. A merge sort that moves the keys together with the row numbers, since a
 * comparator called by TypedArray.sort is most of what sorting a population costs. It is stable: ties keep their order.
 */
import type { Points } from './points.js';

/** Runs of this length are sorted by insertion, then merged. */
const runLength = 8;

interface Keyed {
  readonly keys: Float64Array;
  readonly rows: Uint32Array;
}

/** All row numbers of the points, ascending by a column. */
export function ascendingRows(points: Points, column: number): Uint32Array {
  const rows = new Uint32Array(points.count);
  for (let row = 0; row < rows.length; row++) rows[row] = row;
  sortByColumn(rows, points, column);
  return rows;
}

/** Sorts rows[from..to) ascending by the first column, where that is equal by the second, and so on. */
export function sortLexicographically(rows: Uint32Array, points: Points, column = 0, from = 0, to = rows.length): void {
  sortByColumn(rows, points, column, from, to);
  if (column + 1 === points.objectiveCount) return;
  const { values, objectiveCount } = points;
  for (let start = from, end = from; start < to; start = end) {
    const key = values[rows[start]! * objectiveCount + column]!;
    while (end < to && values[rows[end]! * objectiveCount + column]! === key) end++;
    if (end - start > 1) sortLexicographically(rows, points, column + 1, start, end);
  }
}

/** Sorts rows[from..to) ascending by one column. */
export function sortByColumn(rows: Uint32Array, points: Points, column: number, from = 0, to = rows.length): void {
  const { values, objectiveCount } = points;
  const count = to - from;
  let source: Keyed = { keys: new Float64Array(count), rows: rows.slice(from, to) };
  let target: Keyed = { keys: new Float64Array(count), rows: new Uint32Array(count) };
  for (let index = 0; index < count; index++) {
    source.keys[index] = values[source.rows[index]! * objectiveCount + column]!;
  }
  for (let start = 0; start < count; start += runLength) sortRun(source, start, Math.min(start + runLength, count));
  for (let length = runLength; length < count; length *= 2) {
    mergeRuns(source, length, target);
    [source, target] = [target, source];
  }
  rows.set(source.rows, from);
}

function sortRun({ keys, rows }: Keyed, start: number, end: number): void {
  for (let next = start + 1; next < end; next++) {
    const key = keys[next]!;
    const row = rows[next]!;
    let hole = next;
    for (; hole > start && keys[hole - 1]! > key; hole--) {
      keys[hole] = keys[hole - 1]!;
      rows[hole] = rows[hole - 1]!;
    }
    keys[hole] = key;
    rows[hole] = row;
  }
}

/** Merges each run of `length` with the one after it. */
function mergeRuns({ keys, rows }: Keyed, length: number, target: Keyed): void {
  const count = keys.length;
  for (let start = 0; start < count; start += 2 * length) {
    const middle = Math.min(start + length, count);
    const end = Math.min(middle + length, count);
    let left = start;
    let right = middle;
    for (let to = start; to < end; to++) {
      const isLeft = right === end || (left < middle && keys[left]! <= keys[right]!);
      const from = isLeft ? left++ : right++;
      target.keys[to] = keys[from]!;
      target.rows[to] = rows[from]!;
    }
  }
}
