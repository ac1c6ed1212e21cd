import { cutBlocks, leastLargest } from '@bespoke/cloud/train/gpipe/partition.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** All ways to cut `blockCount` blocks into `stageCount` partitions, as their ends. */
function cutsOf(blockCount: number, stageCount: number, first = 0): number[][] {
  if (stageCount === 1) return first < blockCount ? [[blockCount]] : [];
  return Array.from({ length: blockCount - first }, (_, at) => first + at + 1).flatMap((end) =>
    cutsOf(blockCount, stageCount - 1, end).map((rest) => [end, ...rest]),
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const cost = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: 0, max: 100, noNaN: true }));
const blocks = fc.array(fc.record({ fill: cost, drain: cost, path: cost, bytes: fc.integer({ min: 0, max: 9 }) }), {
  minLength: 1,
  maxLength: 12,
});

describe('cutBlocks', () => {
  it('finds what trying all cuts finds, up to 12 blocks', () => {
    let [fitting, none] = [0, 0];
    fc.assert(
      fc.property(blocks, fc.nat(), fc.integer({ min: 0, max: 60 }), (all, stages, cap) => {
        const stageCount = (stages % all.length) + 1;
        const part = (first: number, end: number) => all.slice(first, end);
        const problem = {
          blockCount: all.length,
          stageCount,
          fillMs: (first: number, end: number) =>
            Math.max(sum(part(first, end).map(({ fill }) => fill)), first ? all[first]!.path : 0),
          drainMs: (first: number, end: number) =>
            Math.max(sum(part(first, end).map(({ drain }) => drain)), first ? all[first]!.path : 0),
          pathMs: (first: number) => 2 * all[first]!.path,
          fits: (first: number, end: number, stage: number) =>
            sum(part(first, end).map(({ bytes }) => bytes)) + stageCount - stage <= cap,
        };
        const totals = cutsOf(all.length, stageCount).flatMap((ends) => {
          const runs = ends.map((end, stage) => [ends[stage - 1] ?? 0, end, stage] as const);
          if (!runs.every((run) => problem.fits(...run))) return [];
          return (
            sum(runs.map(([first]) => problem.pathMs(first))) +
            Math.max(...runs.map(([first, end]) => problem.fillMs(first, end))) +
            Math.max(...runs.map(([first, end]) => problem.drainMs(first, end)))
          );
        });
        const found = cutBlocks(problem);
        if (totals.length === 0) {
          none++;
          return found === null;
        }
        fitting++;
        const least = Math.min(...totals);
        return (
          found !== null &&
          Math.abs(found.totalMs - least) <= 1e-9 * Math.max(least, 1) &&
          found.ends.length === stageCount &&
          found.ends.every((end, stage) => end > (found.ends[stage - 1] ?? 0))
        );
      }),
      { numRuns: 2000 },
    );
    expect(fitting).toBeGreaterThan(500);
    expect(none).toBeGreaterThan(50);
  });
});

describe('leastLargest', () => {
  it('is the largest part of the most even cut', () => {
    const sizes = [...Array(10).fill(100), 200, 200];
    expect(leastLargest(12, 2, (first, end) => sum(sizes.slice(first, end)))).toBe(700);
    expect(leastLargest(2, 3, () => 1)).toBe(Infinity);
  });
});
