import { createCollector } from '@bespoke/agent/runtime/spent-models.js';
import { describe, expect, it } from 'vitest';

const mebibyte = 2 ** 20;

describe('createCollector', () => {
  it('collects each time that the process has grown by 64 MiB', () => {
    const state = { residentBytes: 100 * mebibyte, collectCount: 0 };
    const collector = createCollector({
      residentBytes: () => state.residentBytes,
      collect: () => {
        state.collectCount++;
        state.residentBytes -= 30 * mebibyte; // the allocator keeps the rest
      },
    });
    const counts = [163, 164, 190, 197, 198, 199].map((mebibytes) => {
      state.residentBytes = mebibytes * mebibyte;
      collector();
      return state.collectCount;
    });
    expect(counts).toEqual([0, 1, 1, 1, 2, 2]);
  });
});
