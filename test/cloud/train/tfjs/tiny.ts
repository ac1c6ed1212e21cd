/** A tiny data set and search space that the tests of the tfjs engine share. */
import type { SearchSpace } from '@bespoke/cloud/search/space.js';
import type { PackedDataset } from '@bespoke/cloud/train/data/packed.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Block } from '@bespoke/shared/network/block.js';

/** 8x8x1, two classes that a child can tell apart: a bright left or a bright right half, with noise. 96 train, 32 search, 32 test. */
export function tinyData(): PackedDataset {
  const counts = { train: 96, search: 32, test: 32 };
  const total = 160;
  const stream = randomStream(5, 'tiny');
  const labels = Uint16Array.from({ length: total }, (_, index) => index % 2);
  const images = new Uint8Array(total * 64);
  for (let at = 0; at < images.length; at++) {
    const isBright = (at % 8 < 4 ? 0 : 1) === labels[Math.floor(at / 64)];
    images[at] = Math.round((isBright ? 150 : 90) + 50 * stream.uniform());
  }
  return {
    directory: '',
    manifest: {
      version: 1,
      name: 'tiny',
      classes: ['left', 'right'],
      height: 8,
      width: 8,
      channels: 1,
      counts,
      mean: [0.55],
      deviation: [0.15],
      sha256: '1'.repeat(64),
    },
    images,
    labels,
  };
}

const mbconv = (id: string, kernelSize: number, expandRatio: number, stride = 1): Block => ({
  id,
  kind: 'mbconv',
  outChannels: 4,
  kernelSize,
  stride,
  expandRatio,
  activation: 'relu6',
  squeezeExcite: false,
});

/** stem, two searched slots (the second may be nothing), head. */
export const tinySpace: SearchSpace = {
  name: 'tiny',
  input: { height: 8, width: 8, channels: 1 },
  slots: [
    {
      id: 'stem',
      candidates: [{ id: 'stem.conv', kind: 'conv', outChannels: 4, kernelSize: 3, stride: 1, activation: 'relu6' }],
    },
    { id: 's1', candidates: [mbconv('s1.k3', 3, 2, 2), mbconv('s1.k5', 5, 1, 2)] },
    { id: 's2', candidates: [mbconv('s2.k3', 3, 1), { id: 's2.zero', kind: 'identity' }, mbconv('s2.k5', 5, 2)] },
    { id: 'head', candidates: [{ id: 'head.head', kind: 'head', classes: 2 }] },
  ],
};

export const tinyRecipe: TrainRecipe = {
  seed: 7,
  stepCount: 30,
  batchSize: 16,
  learningRate: 0.1,
  warmupStepCount: 3,
  momentum: 0.9,
  weightDecay: 1e-4,
  labelSmoothing: 0.1,
  augmentation: { flip: false, cropPaddingPixels: 1, cutoutPixels: 2 },
};
