import { lowerWorkload } from '@bespoke/shared/latency/size.js';
import { type Workload, workloadSchema } from '@bespoke/shared/latency/workload.js';
import type { Block } from '@bespoke/shared/network/block.js';
import { describe, expect, it } from 'vitest';
import { workload } from '../../support/fleet.js';

/** The greatest workloads that the schema lets through; `most` says what each has most of. */
const absurd: readonly [string, Exclude<Workload, { kind: 'file' }>, RegExp][] = [
  [
    'an input of 4096 x 4096 x 4096',
    { ...workload(0), inputShapes: [[4096, 4096, 4096]] },
    /at most 1073741824 bytes of activations, but it has/,
  ],
  [
    'a batch of 1024 large images',
    { ...workload(0), inputShapes: [[512, 512, 3]], batch: 1024 },
    /bytes of activations/,
  ],
  [
    'kernels of 15 x 15 between 8192 channels',
    {
      ...workload(0),
      body: { kind: 'conv', outChannels: 8192, kernelSize: 15, stride: 1, activation: 'relu' },
      inputShapes: [[1, 1, 4096]],
    },
    /at most 200000000 params, but it has 7549763584/,
  ],
  [
    'a network of 500 wide blocks',
    {
      kind: 'network',
      dtype: 'float32',
      batch: 1,
      network: {
        version: 1,
        name: 'huge',
        input: { height: 4, width: 4, channels: 4096 },
        blocks: Array.from(
          { length: 500 },
          (_, index): Block => ({
            id: `b${index}`,
            kind: 'conv',
            outChannels: 8192,
            kernelSize: 15,
            stride: 1,
            activation: 'relu',
          }),
        ),
      },
    },
    /params/,
  ],
];

describe('lowerWorkload', () => {
  it('lowers what a device can hold', () => {
    expect(lowerWorkload(workload(3)).nodes.length).toBeGreaterThan(0);
  });

  it.each(absurd)('refuses %s, which the schema allows, before memory of that size is touched', (_, huge, sentence) => {
    expect(workloadSchema.safeParse(huge).success).toBe(true);
    const before = process.memoryUsage().rss;
    expect(() => lowerWorkload(huge)).toThrow(sentence);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });
});
