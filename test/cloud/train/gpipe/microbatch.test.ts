import { splitMicroBatches } from '@bespoke/cloud/train/gpipe/microbatch.js';
import { isAppError } from '@bespoke/shared/base/errors.js';
import { describe, expect, it } from 'vitest';

describe('splitMicroBatches', () => {
  it('gives sizes that differ by one at most, none empty, weighted by their share', () => {
    expect(splitMicroBatches(10, 4)).toEqual([
      { first: 0, sampleCount: 3, weight: 0.3 },
      { first: 3, sampleCount: 3, weight: 0.3 },
      { first: 6, sampleCount: 2, weight: 0.2 },
      { first: 8, sampleCount: 2, weight: 0.2 },
    ]);
    // torch.chunk gives 5 parts here, and torchgpipe's batch norm waits for 8.
    expect(splitMicroBatches(9, 8).map(({ sampleCount }) => sampleCount)).toEqual([2, 1, 1, 1, 1, 1, 1, 1]);
  });

  it.each([0, 5, 1.5])('refuses %d micro-batches of 4 samples', (count) => {
    expect(() => splitMicroBatches(4, count)).toThrow(
      expect.toSatisfy((error) => isAppError(error, 'PIPELINE_COUNT_INVALID')),
    );
  });
});
