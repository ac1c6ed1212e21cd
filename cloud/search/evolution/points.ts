/** Points: the objectives of many individuals in one flat array, which sorting, crowding and hypervolume walk without allocating. */

export type ObjectiveCount = 2 | 3 | 4;

export interface Points {
  /** [count, objectiveCount], row by row; all objectives are minimised. */
  readonly values: Float64Array;
  readonly count: number;
  readonly objectiveCount: ObjectiveCount;
}

/** Points whose rows are `rows`, each of `objectiveCount` numbers. */
export function pointsOf(rows: readonly ArrayLike<number>[], objectiveCount: ObjectiveCount): Points {
  const values = new Float64Array(rows.length * objectiveCount);
  for (let row = 0; row < rows.length; row++) values.set(rows[row]!, row * objectiveCount);
  return { values, count: rows.length, objectiveCount };
}

/** The chosen rows, in that order, as points of their own. */
export function gather({ values, objectiveCount }: Points, rows: Uint32Array): Points {
  const gathered = new Float64Array(rows.length * objectiveCount);
  for (let to = 0; to < rows.length; to++) {
    const from = rows[to]! * objectiveCount;
    for (let column = 0; column < objectiveCount; column++) {
      gathered[to * objectiveCount + column] = values[from + column]!;
    }
  }
  return { values: gathered, count: rows.length, objectiveCount };
}

/** The row numbers 0..count-1 that pass `counts`. */
export function rowsWhere(count: number, counts: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(count);
  let found = 0;
  for (let row = 0; row < count; row++) if (counts(row)) rows[found++] = row;
  return rows.subarray(0, found);
}
