/**
 * Cuts a sequence of blocks into partitions, exactly. The time of a pipeline's step is made of three parts: what every message passes once (`path`, a sum over the
 * partitions), and what the slowest partition adds while the pipeline fills and while it drains (`fill`, `drain`: two maxima, which may be two different partitions):
 *
 *   sum path + max fill + max drain
 *
 * A dynamic programme over (stage, end of its partition) that keeps one best cut per state would be wrong: a cut with the smaller sum of maxima so far may lose to
 * one whose larger maximum the rest forces anyway. So each state keeps all its cuts that no other beats in all three parts, and two bounds keep them few:
 *
 *  - what the rest costs at least, by each part alone and by the maximum of fill + drain (four plain dynamic programmes from the end). A maximum below what the
 *    rest forces is raised to it: then cuts that differ only in what does not matter are one;
 *  - a limit on the total, first just above the least that is possible, with its distance doubled until a cut keeps it. Nothing better than the limit is ever dropped, so the
 *    best cut found is the best there is.
 */

/** A sequence of blocks to cut. Blocks `first` to `end - 1` are one partition; figures are in ms, 0 or more. `fill` and `drain` must not fall when `end` grows. */
export interface CuttingProblem {
  readonly blockCount: number;
  /** K, from 1 to `blockCount`. */
  readonly stageCount: number;
  fillMs(first: number, end: number): number;
  drainMs(first: number, end: number): number;
  pathMs(first: number, end: number): number;
  /** Whether the memory of stage `stage` holds them. */
  fits(first: number, end: number, stage: number): boolean;
}

/** The end of each partition (the last is the number of blocks) and what the cut costs. */
export interface Cutting {
  readonly ends: readonly number[];
  readonly totalMs: number;
}

/** A cut of the blocks up to `end` into partitions; maxima are raised to those of the rest. */
interface Label {
  readonly pathMs: number;
  readonly fillMs: number;
  readonly drainMs: number;
  readonly end: number;
  readonly before: Label | null;
}

/** Least costs of what is left, [first block], for the stages from one on; Infinity where no cut fits. */
interface Rest {
  readonly pathMs: Float64Array;
  readonly fillMs: Float64Array;
  readonly drainMs: Float64Array;
  readonly bothMs: Float64Array;
}

/** The first limit is so much above the least that is possible. */
const firstMargin = 1e-3;

/** The cut of least cost; null where none fits. */
export function cutBlocks(given: CuttingProblem): Cutting | null {
  const problem = tabulated(given);
  const rests = restsOf(problem);
  const [leastMs] = boundMs(start, rests[0]!, 0);
  if (!Number.isFinite(leastMs)) return null;
  for (let marginMs = leastMs * firstMargin; ; marginMs *= 2) {
    const best = cheapest(labelsWithin(problem, rests, leastMs + marginMs));
    if (best) return { ends: endsOf(best), totalMs: totalMs(best) };
  }
}

/**
 * The least `limit` for which some cut has no partition of which `size` is larger; Infinity where there are fewer blocks than stages.
 * `size` must be 0 or more.
 */
export function leastLargest(
  blockCount: number,
  stageCount: number,
  size: (first: number, end: number, stage: number) => number,
): number {
  let rest = new Float64Array(blockCount + 1).fill(Infinity);
  rest[blockCount] = 0;
  for (let stage = stageCount - 1; stage >= 0; stage--) {
    const own = new Float64Array(blockCount + 1).fill(Infinity);
    for (let first = stage; first < blockCount; first++) {
      for (let end = first + 1; end <= blockCount; end++)
        own[first] = Math.min(own[first]!, Math.max(size(first, end, stage), rest[end]!));
    }
    rest = own;
  }
  return rest[0]!;
}

/** The same problem with its figures looked up: the search asks for each many times. */
function tabulated(problem: CuttingProblem): CuttingProblem {
  const width = problem.blockCount + 1;
  const table = (figure: (first: number, end: number) => number) => {
    const values = new Float64Array(width * width);
    for (let first = 0; first < width; first++)
      for (let end = first + 1; end < width; end++) values[first * width + end] = figure(first, end);
    return (first: number, end: number) => values[first * width + end]!;
  };
  const [fillMs, drainMs, pathMs] = [table(problem.fillMs), table(problem.drainMs), table(problem.pathMs)];
  return { ...problem, fillMs, drainMs, pathMs };
}

const start: Label = { pathMs: 0, fillMs: 0, drainMs: 0, end: 0, before: null };

/** All `Rest`s, by the first stage that is left; the last, of no stage, costs nothing behind the last block. */
function restsOf(problem: CuttingProblem): readonly Rest[] {
  const { blockCount, stageCount } = problem;
  const rests = [newRest(blockCount)];
  for (const part of Object.values(rests[0]!) as Float64Array[]) part[blockCount] = 0;
  for (let stage = stageCount - 1; stage >= 0; stage--) {
    const [own, after] = [newRest(blockCount), rests[0]!];
    const lastFirst = stage === 0 ? 0 : blockCount - (stageCount - stage);
    for (let first = stage; first <= lastFirst; first++) {
      for (let end = first + 1; end <= blockCount - (stageCount - stage - 1); end++) {
        if (after.pathMs[end] === Infinity || !problem.fits(first, end, stage)) continue;
        const fillMs = problem.fillMs(first, end);
        const drainMs = problem.drainMs(first, end);
        own.pathMs[first] = Math.min(own.pathMs[first]!, problem.pathMs(first, end) + after.pathMs[end]!);
        own.fillMs[first] = Math.min(own.fillMs[first]!, Math.max(fillMs, after.fillMs[end]!));
        own.drainMs[first] = Math.min(own.drainMs[first]!, Math.max(drainMs, after.drainMs[end]!));
        own.bothMs[first] = Math.min(own.bothMs[first]!, Math.max(fillMs + drainMs, after.bothMs[end]!));
      }
    }
    rests.unshift(own);
  }
  return rests;
}

function newRest(blockCount: number): Rest {
  const empty = () => new Float64Array(blockCount + 1).fill(Infinity);
  return { pathMs: empty(), fillMs: empty(), drainMs: empty(), bothMs: empty() };
}

/** What a cut costs at least if it goes on at `first`, and its maxima with those of the rest. */
function boundMs(label: Label, rest: Rest, first: number): [boundMs: number, fillMs: number, drainMs: number] {
  const fillMs = Math.max(label.fillMs, rest.fillMs[first]!);
  const drainMs = Math.max(label.drainMs, rest.drainMs[first]!);
  return [label.pathMs + rest.pathMs[first]! + Math.max(fillMs + drainMs, rest.bothMs[first]!), fillMs, drainMs];
}

/** The cuts of all blocks into all stages that cost `limitMs` at most and that no other beats. */
function labelsWithin(problem: CuttingProblem, rests: readonly Rest[], limitMs: number): readonly Label[] {
  const { blockCount, stageCount } = problem;
  let fronts: Label[][] = [[start]];
  for (let stage = 0; stage < stageCount; stage++) {
    const next: Label[][] = Array.from({ length: blockCount + 1 }, () => []);
    for (const label of fronts.flat()) extend(label, stage, problem, rests[stage + 1]!, limitMs, next);
    fronts = next;
  }
  return fronts[blockCount]!;
}

/** Adds to `fronts`, by end, the cuts that continue `before` by one partition. */
function extend(
  before: Label,
  stage: number,
  problem: CuttingProblem,
  rest: Rest,
  limitMs: number,
  fronts: readonly Label[][],
): void {
  const first = before.end;
  for (let end = first + 1; end <= problem.blockCount; end++) {
    const ownFillMs = problem.fillMs(first, end);
    const ownDrainMs = problem.drainMs(first, end);
    if (before.pathMs + ownFillMs + ownDrainMs > limitMs) break;
    if (rest.pathMs[end] === Infinity || !problem.fits(first, end, stage)) continue;
    const label = {
      pathMs: before.pathMs + problem.pathMs(first, end),
      fillMs: Math.max(before.fillMs, ownFillMs),
      drainMs: Math.max(before.drainMs, ownDrainMs),
      end,
      before,
    };
    const [leastMs, fillMs, drainMs] = boundMs(label, rest, end);
    if (leastMs <= limitMs) insert(fronts[end]!, { ...label, fillMs, drainMs });
  }
}

const isBeatenBy = (label: Label, other: Label): boolean =>
  other.pathMs <= label.pathMs && other.fillMs <= label.fillMs && other.drainMs <= label.drainMs;

function insert(front: Label[], label: Label): void {
  if (front.some((other) => isBeatenBy(label, other))) return;
  let kept = 0;
  for (const other of front) if (!isBeatenBy(other, label)) front[kept++] = other;
  front.length = kept;
  front.push(label);
}

const totalMs = ({ pathMs, fillMs, drainMs }: Label): number => pathMs + fillMs + drainMs;

function cheapest(labels: readonly Label[]): Label | null {
  return labels.reduce<Label | null>((best, label) => (best && totalMs(best) <= totalMs(label) ? best : label), null);
}

function endsOf(label: Label): readonly number[] {
  return label.before ? [...endsOf(label.before), label.end] : [];
}
