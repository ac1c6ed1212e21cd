import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { trainedPath, widestCandidates } from '@bespoke/cloud/search/proxyless/widen.js';
import { describe, expect, it } from 'vitest';

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const space = buildSpace({ preset: 'small' }, shape);
const widest = widestCandidates(space);

describe('widestCandidates', () => {
  it('names the candidate of the same kernel with the largest expansion, and the candidate itself where there is no such', () => {
    for (const [slot, { candidates }] of space.slots.entries()) {
      for (const [index, candidate] of candidates.entries()) {
        const other = candidates[widest[slot]![index]!]!;
        if (candidate.kind !== 'mbconv') expect(other).toBe(candidate);
        else expect(other).toEqual({ ...candidate, id: other.id, expandRatio: 6 });
      }
    }
    expect(space.slots.some(({ candidates }) => candidates.some(({ kind }) => kind === 'identity'))).toBe(true);
  });
});

describe('trainedPath', () => {
  it('is the drawn path in even steps and the widest in odd ones', () => {
    const drawn = space.slots.map(() => 0);
    const wide = widest.map((row) => row[0]!);
    expect(wide).not.toEqual(drawn);
    expect([0, 1, 2, 3].map((step) => trainedPath(widest, drawn, step))).toEqual([drawn, wide, drawn, wide]);
  });
});
