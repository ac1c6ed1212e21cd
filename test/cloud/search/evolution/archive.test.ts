import { Archive } from '@bespoke/cloud/search/evolution/archive.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatedOf, naiveFront, objectiveCounts } from './arbitrary.js';

const at = (...objectives: number[]) => ({ objectives, violation: 0 });

describe('Archive', () => {
  it('takes what nothing dominates and lets go what is dominated', () => {
    const archive = new Archive([4, 4]);
    const [a, b, c] = [at(1, 3), at(3, 3), at(3, 1)];
    expect([a, b, c].map((candidate) => archive.add(candidate))).toEqual([true, false, true]);
    expect(archive.members).toEqual([a, c]);
    expect(archive.hypervolume()).toBe(5);

    const d = at(1, 1);
    expect(archive.add(d)).toBe(true);
    expect(archive.members).toEqual([d]);
    expect(archive.hypervolume()).toBe(9);
  });

  it('keeps the least infeasible until something feasible comes, and gives them no volume', () => {
    const archive = new Archive([4, 4]);
    for (const violation of [3, 2, 5]) archive.add({ objectives: [0, 0], violation });
    expect(archive.members).toEqual([{ objectives: [0, 0], violation: 2 }]);
    expect(archive.hypervolume()).toBe(0);
    archive.add(at(3, 3));
    expect(archive.members).toEqual([at(3, 3)]);
  });

  it('holds what a comparison of each with each leaves of all that was told, in order, and its volume never shrinks', () => {
    const pools = objectiveCounts.chain((count) => fc.tuple(fc.constant(count), evaluatedOf(count, 40)));
    fc.assert(
      fc.property(pools, ([count, all]) => {
        const archive = new Archive(new Array(count).fill(5));
        let volume = 0;
        for (const candidate of all) {
          archive.add(candidate);
          expect(archive.hypervolume()).toBeGreaterThanOrEqual(volume - 1e-9);
          volume = archive.hypervolume();
        }
        expect(archive.members).toEqual(naiveFront(all));
      }),
    );
  });
});
