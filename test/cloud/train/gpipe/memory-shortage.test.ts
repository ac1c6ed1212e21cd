import { describeShortage } from '@bespoke/cloud/train/gpipe/memory-shortage.js';
import { describe, expect, it } from 'vitest';

describe('describeShortage', () => {
  const remedy = 'take more partitions or micro-batches, or recompute more (remat always)';

  it.each([
    ['OOM when allocating tensor with shape[16,32,32,144] and type float', 'Error: ', ''],
    [
      'Operation received an exception:Status: 1, message: could not create a primitive, in file mkl_conv_ops.cc:1112',
      '',
      '',
    ],
    ['Array buffer allocation failed', 'RangeError: ', '\n    at new Float32Array'],
    [
      'JavaScript heap out of memory',
      'FATAL ERROR: Reached heap limit Allocation failed - ',
      '\n----- Native stack trace -----\n',
    ],
    ['JS heap out of memory', 'Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit: ', ''],
    ["ENOMEM: not enough memory, scandir 'stage-2'", 'Error: ', '\n    at async readdir'],
    ['process out of memory', 'FATAL ERROR: Zone Allocation failed - ', ''],
    ['WebAssembly.Memory.grow(): Unable to grow instance memory', 'RangeError: ', ''],
    ['std::bad_alloc', "terminate called after throwing an instance of '", "'\n  what():  std::bad_alloc\n"],
  ])('knows %s', (sign, before, after) => {
    expect(describeShortage(before + sign + after)).toBe(`its process has no memory left (${sign}); ${remedy}`);
  });

  it.each([
    '',
    'Operation received an exception:Status: 3, message: could not create a primitive descriptor',
    'Error: a bad kernel\n    at forward',
    'the neighbour is gone',
  ])('takes nothing else for it: %j', (words) => {
    expect(describeShortage(words)).toBeNull();
  });
});
