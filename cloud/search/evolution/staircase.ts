/**
 * Staircase: the area between points in the plane and a corner to their upper right that they dominate, kept up to date as points
 * come in any order.
 *
 *   top ┬──────────────┐ corner
 *       │  a───┐░░░░░░░│        steps ascend in x and descend in y;
 *       │      b────┐░░│        a new point covers the steps that it dominates
 *       └───────────c──┴ right
 */
export class Staircase {
  area = 0;
  #count = 0;
  readonly #xs: Float64Array;
  readonly #ys: Float64Array;

  /** `capacity` is the greatest number of points that may come. */
  constructor(
    capacity: number,
    private readonly right: number,
    private readonly top: number,
  ) {
    this.#xs = new Float64Array(capacity);
    this.#ys = new Float64Array(capacity);
  }

  clear(): void {
    this.area = 0;
    this.#count = 0;
  }

  /** Adds a point left of and below the corner. */
  add(x: number, y: number): void {
    const [xs, ys, count] = [this.#xs, this.#ys, this.#count];
    const from = this.#firstFrom(x);
    let height = from > 0 ? ys[from - 1]! : this.top;
    if (height <= y || (from < count && xs[from] === x && ys[from]! <= y)) return;

    // What it adds, from step to step, down from the height that was there before.
    let to = from;
    let left = x;
    for (; to < count && ys[to]! >= y; to++) {
      this.area += (xs[to]! - left) * (height - y);
      left = xs[to]!;
      height = ys[to]!;
    }
    this.area += ((to < count ? xs[to]! : this.right) - left) * (height - y);

    xs.copyWithin(from + 1, to, count);
    ys.copyWithin(from + 1, to, count);
    xs[from] = x;
    ys[from] = y;
    this.#count = count + 1 - (to - from);
  }

  /** The first step that is not left of x. */
  #firstFrom(x: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#xs[middle]! < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
