/**
 * Canonical form of a cell: one text for all ways to write the same cell down.
 *
 *   max 0, inv3 1 | sep3 0, sep3 1 | skip 2, dil3 3      The two pairs of a step may be swapped, and steps that do not read each other
 *   sep3 1, sep3 0 | inv3 1, max 0 | dil3 2, skip 3      may stand in another order: the same sums of the same ops.
 *
 * Steps are numbered anew: of those whose states are numbered, always the one with the least (op, state) pairs is next. Two steps
 * with equal pairs may still differ in who reads them, so both orders are followed and the lesser text counts.
 */
import type { CellPair } from '@bespoke/shared/network/cell.js';
import { type CellOp, cellOps } from '@bespoke/shared/network/cell-op.js';

/** More states than any cell has. */
const radix = 64;

const opCodes = new Map<CellOp, number>(cellOps.map((op, index) => [op, index]));

/** The text is a name, not to be read: codes of the steps' pairs, in the new order. */
export function canonicalCell(pairs: readonly CellPair[]): string {
  const stepCount = pairs.length / 2;
  const labels = new Int32Array(stepCount + 2).fill(-1);
  labels[0] = 0;
  labels[1] = 1;
  return String.fromCharCode(...number(pairs, labels, 2));
}

/** Codes of the steps that have no label yet, in their least order: two per step. */
function number(pairs: readonly CellPair[], labels: Int32Array, next: number): number[] {
  if (next === labels.length) return [];
  let least: readonly [number, number] | null = null;
  let candidates: number[] = [];
  for (let step = 0; step < pairs.length / 2; step++) {
    if (labels[step + 2]! >= 0) continue;
    const codes = codesOf(pairs, step, labels);
    if (codes === null) continue;
    const order = least === null ? -1 : codes[0] - least[0] || codes[1] - least[1];
    if (order < 0) [least, candidates] = [codes, [step]];
    else if (order === 0) candidates.push(step);
  }
  const rests = candidates.map((step) => {
    labels[step + 2] = next;
    const rest = number(pairs, labels, next + 1);
    labels[step + 2] = -1;
    return rest;
  });
  return [...least!, ...rests.reduce((a, b) => (isLess(b, a) ? b : a))];
}

/** Both pairs of a step as numbers, the lesser first; null while a state that it reads has no label. */
function codesOf(pairs: readonly CellPair[], step: number, labels: Int32Array): readonly [number, number] | null {
  const [leftOp, leftState] = pairs[2 * step]!;
  const [rightOp, rightState] = pairs[2 * step + 1]!;
  if (labels[leftState]! < 0 || labels[rightState]! < 0) return null;
  const left = opCodes.get(leftOp)! * radix + labels[leftState]!;
  const right = opCodes.get(rightOp)! * radix + labels[rightState]!;
  return left <= right ? [left, right] : [right, left];
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((code, at) => code !== b[at]);
  return index >= 0 && a[index]! < b[index]!;
}
