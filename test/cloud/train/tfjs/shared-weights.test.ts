import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { shareWeights } from '@bespoke/cloud/train/tfjs/shared-weights.js';
import { TfjsSupernet } from '@bespoke/cloud/train/tfjs/supernet.js';
import type { WeightDeclaration } from '@bespoke/shared/graph/weights.js';
import { describe, expect, it } from 'vitest';
import { tinyData, tinyRecipe, tinySpace } from './tiny.js';

const declare = (shape: number[]): WeightDeclaration => ({
  shape,
  trainable: true,
  initializer: { kind: 'constant', value: 1 },
});

describe('shareWeights', () => {
  it('centres kernels and counts channels from the first', () => {
    const { variables, windows } = shareWeights('slot.mbconv', [
      { name: 'slot.k3-e6/depthwise/filter', declaration: declare([3, 3, 48, 1]) },
      { name: 'slot.k7-e3/depthwise/filter', declaration: declare([7, 7, 24, 1]) },
      { name: 'slot.k3-e6/norm/scale', declaration: declare([48]) },
      { name: 'slot.k7-e3/norm/scale', declaration: declare([24]) },
    ]);
    expect([...variables].map(([name, { shape }]) => [name, shape])).toEqual([
      ['slot.mbconv/depthwise/filter', [7, 7, 48, 1]],
      ['slot.mbconv/norm/scale', [48]],
    ]);
    expect(Object.fromEntries(windows)).toEqual({
      'slot.k3-e6/depthwise/filter': {
        variable: 'slot.mbconv/depthwise/filter',
        begin: [2, 2, 0, 0],
        size: [3, 3, 48, 1],
      },
      'slot.k7-e3/depthwise/filter': {
        variable: 'slot.mbconv/depthwise/filter',
        begin: [0, 0, 0, 0],
        size: [7, 7, 24, 1],
      },
      'slot.k3-e6/norm/scale': { variable: 'slot.mbconv/norm/scale', begin: [0], size: [48] },
      'slot.k7-e3/norm/scale': { variable: 'slot.mbconv/norm/scale', begin: [0], size: [24] },
    });
  });
});

describe('TfjsSupernet with shared weights', () => {
  it('learns on all paths by steps on one', async () => {
    const { tf } = await openBackend();
    const supernet = new TfjsSupernet(tf, tinySpace, tinyData(), { ...tinyRecipe, shareWeights: true });
    const before = await supernet.validate([0, 1, 1, 0]);
    for (let step = 0; step < 40; step++) await supernet.weightStep([0, 0, 0, 0], step);
    const after = await supernet.validate([0, 1, 1, 0]);
    expect(after.loss).toBeLessThan(before.loss);
    supernet.dispose();
  });
});
