import {
  type BlockView,
  doubtOfBlock,
  maxJobCount,
  maxRepeats,
  maxSentinelAttempts,
  repeatsAfter,
  stepOf,
  unguarded,
} from '@bespoke/cloud/fleet/sentinel.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { workloadSchema } from '@bespoke/shared/latency/workload.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const fresh: BlockView = {
  state: 'opening',
  sentinelAttempts: 0,
  jobCount: 0,
  hasMeasured: false,
  interrupted: false,
};
const open: BlockView = { ...fresh, state: 'open', jobCount: 3, hasMeasured: true };
const closing: BlockView = { ...open, state: 'closing' };

describe('sentinel', () => {
  it('is a small legal workload', () => {
    expect(workloadSchema.parse(sentinel)).toEqual(sentinel);
    expect(countMacs(lowerSingle('block', sentinel.body, sentinel.inputShapes))).toBe(10_988_544);
  });
});

describe('stepOf', () => {
  //   opening ─sentinel─▶ open ─20 jobs, or no job waits, or the agent was away─▶ closing ─sentinel─▶
  it.each([
    ['no block, no job', null, false, 'rest'],
    ['no block, a job waits', null, true, 'begin'],
    ['opening', fresh, true, 'sentinel'],
    ['opening, the last try', { ...fresh, sentinelAttempts: maxSentinelAttempts - 1 }, true, 'sentinel'],
    ['opening, all tries failed', { ...fresh, sentinelAttempts: maxSentinelAttempts }, true, 'openUnguarded'],
    ['opening, a twin took the job', fresh, false, 'drop'],
    ['open', open, true, 'job'],
    ['open, the last of 20', { ...open, jobCount: maxJobCount - 1 }, true, 'job'],
    ['open, full', { ...open, jobCount: maxJobCount }, true, 'close'],
    ['open, the queue is dry', open, false, 'close'],
    ['open, the agent was away', { ...open, interrupted: true }, true, 'close'],
    ['open, away, nothing measured', { ...open, interrupted: true, hasMeasured: false }, true, 'drop'],
    ['open, dry, nothing measured', { ...open, hasMeasured: false }, false, 'drop'],
    ['closing', closing, true, 'sentinel'],
    ['closing, all tries failed', { ...closing, sentinelAttempts: maxSentinelAttempts }, true, 'giveUp'],
  ] as const)('%s', (_, block, jobWaits, step) => {
    expect(stepOf(block, jobWaits)).toBe(step);
  });
});

describe('doubtOfBlock', () => {
  it.each([
    ['equal', 0.3, 0.3, [0.3], null],
    ['just under 3% apart', 0.3, 0.3089, [0.3], null],
    ['more than 3% apart, slower', 0.3, 0.31, [0.3], '0.300 ms before the block and 0.310 ms after it, 3.3% apart'],
    ['more than 3% apart, quicker', 0.31, 0.3, [0.3], '0.310 ms before the block and 0.300 ms after it, 3.3% apart'],
    ['a tenth over its quiet level', 0.329, 0.329, [0.4, 0.3], null],
    ['a hog that stays', 0.36, 0.36, [0.36, 0.3], 'the device was slow: the sentinel took 0.360 ms, 20.0% more'],
    ['quicker than ever', 0.2, 0.2, [0.3], null],
    ['the first block', 0.3, 0.3, [], null],
    ['no opening sentinel', null, 0.3, [0.3], unguarded],
  ] as const)('%s', (_, openingMs, closingMs, recentMs, doubt) => {
    const expected = doubt === null ? doubt : expect.stringContaining(doubt);
    expect(doubtOfBlock(openingMs, closingMs, recentMs)).toEqual(expected);
  });
});

describe('repeatsAfter', () => {
  it.each([
    ['no block yet', '', maxRepeats],
    ['three void ones: too few to tell', 'vvv', maxRepeats],
    ['four void ones', 'vvvv', 0],
    ['a hog for four of eight', 'ggggvvvv', maxRepeats],
    ['a hog for five of eight', 'gggvvvvv', 0],
    ['good ones', 'gggggggg', maxRepeats],
  ] as const)('%s', (_, blocks, repeats) => {
    expect(repeatsAfter([...blocks].map((block) => block === 'v'))).toBe(repeats);
  });
});
