import { type LoaderOptions, noAugmentation, openLoader, sliceLabels } from '@bespoke/cloud/train/data/loader.js';
import type { PackedDataset } from '@bespoke/cloud/train/data/packed.js';
import { describe, expect, it } from 'vitest';

/** Five images [2, 3, 1] of which four are train: pixel = 10 * sample + place; mean 0 and deviation 1/255, so that numbers stay. */
const data: PackedDataset = {
  directory: '',
  manifest: {
    version: 1,
    name: 'tiny',
    classes: ['a', 'b'],
    height: 2,
    width: 3,
    channels: 1,
    counts: { train: 4, search: 1, test: 0 },
    mean: [0],
    deviation: [1 / 255],
    sha256: '0'.repeat(64),
  },
  images: Uint8Array.from({ length: 30 }, (_, at) => 10 * Math.floor(at / 6) + (at % 6)),
  labels: Uint16Array.from([0, 1, 0, 1, 1]),
};

const open = (options: Partial<LoaderOptions> = {}) =>
  openLoader(data, { split: 'train', seed: 1, batchSize: 2, augmentation: noAugmentation, ...options });

const round = (values: Float32Array) => [...values].map((value) => Math.round(value * 1000) / 1000 + 0);

/** Which samples a batch of unaugmented images holds. */
const samples = (images: Float32Array) =>
  [...images].filter((_, at) => at % 6 === 0).map((value) => Math.round(value) / 10);

describe('openLoader', () => {
  it('normalizes pixels, in order', () => {
    const batch = open().inOrder(3);
    expect(batch.count).toBe(1);
    expect(round(batch.images)).toEqual([30, 31, 32, 33, 34, 35]);
    expect([...batch.labels]).toEqual([1]);
    expect(samples(open({ split: 'search' }).inOrder(0).images)).toEqual([4]);
  });

  it('gives every sample once an epoch, in another order each epoch', () => {
    const loader = open();
    const epoch = (index: number) => [0, 1].flatMap((half) => samples(loader.batchAt(index * 2 + half).images));
    const epochs = [0, 1, 2, 3, 4, 5].map(epoch);
    for (const order of epochs) expect([...order].sort()).toEqual([0, 1, 2, 3]);
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(1);
  });

  it('fills batches over the end of an epoch, and over several of them', () => {
    expect(samples(open({ batchSize: 3 }).batchAt(1).images)).toHaveLength(3);
    const all = samples(open({ batchSize: 12 }).batchAt(0).images);
    expect(all.filter((sample) => sample === 2)).toHaveLength(3);
  });

  it('draws a batch from seed and step alone', () => {
    const augmentation = { flip: true, cropPaddingPixels: 1, cutoutPixels: 1 };
    const there = open({ augmentation });
    for (let step = 0; step < 7; step++) there.batchAt(step);
    const went = there.batchAt(7);
    const jumped = open({ augmentation }).batchAt(7);
    expect(jumped.images).toEqual(went.images);
    expect(jumped.labels).toEqual(went.labels);
    expect(open({ augmentation, seed: 2 }).batchAt(7).images).not.toEqual(went.images);
  });

  it('mirrors left-right, half of the time', () => {
    const loader = open({ batchSize: 1, augmentation: { ...noAugmentation, flip: true } });
    const rows = Array.from({ length: 40 }, (_, step) =>
      round(loader.batchAt(step).images)
        .map((value) => value % 10)
        .join(''),
    );
    expect(new Set(rows)).toEqual(new Set(['012345', '210543']));
    expect(rows.filter((row) => row === '210543').length).toBeGreaterThan(10);
  });

  it('pads with the mean colour and cuts the size out again', () => {
    const loader = open({ batchSize: 1, augmentation: { ...noAugmentation, cropPaddingPixels: 1 } });
    const seen = new Set(Array.from({ length: 200 }, (_, step) => round(loader.batchAt(step).images).join()));
    // Sample 1 is 10 11 12 / 13 14 15: shifted by (dy, dx) in -1..1.
    const expected = [
      '0,0,0,0,10,11',
      '0,0,0,10,11,12',
      '0,0,0,11,12,0',
      '0,10,11,0,13,14',
      '10,11,12,13,14,15',
      '11,12,0,14,15,0',
    ];
    for (const image of [...expected, '0,13,14,0,0,0', '13,14,15,0,0,0', '14,15,0,0,0,0'])
      expect(seen).toContain(image);
    expect(seen.size).toBe(36);
  });

  it('zeroes one square', () => {
    const loader = open({ batchSize: 1, augmentation: { ...noAugmentation, cutoutPixels: 1 } });
    const seen = new Set(Array.from({ length: 200 }, (_, step) => round(loader.batchAt(step).images).join()));
    for (const image of ['0,11,12,13,14,15', '10,0,12,13,14,15', '10,11,12,13,14,0']) expect(seen).toContain(image);
    expect(seen.size).toBe(24);
  });

  it('mixes the samples of a batch in pairs, images and labels alike', () => {
    const plain = open({ batchSize: 4 });
    const mixing = open({ batchSize: 4, augmentation: { ...noAugmentation, mixupAlpha: 1 } });
    let moved = 0;
    for (let step = 0; step < 5; step++) {
      const own = samples(plain.batchAt(step).images);
      const { images, labels, mixed } = mixing.batchAt(step);
      expect([...labels]).toEqual(own.map((sample) => data.labels[sample]));
      const { share, labels: partners } = mixed!;
      // A pixel tells the partner: share * own + (1 - share) * partner.
      const found = [...images]
        .filter((_, at) => at % 6 === 0)
        .map((pixel, at) => (pixel / 10 - share * own[at]!) / (1 - share));
      expect([...partners]).toEqual(found.map((sample) => data.labels[Math.round(sample)]));
      expect(found.map((sample) => Math.round(sample) + 0).sort()).toEqual([0, 1, 2, 3]);
      moved += found.filter((sample, at) => Math.round(sample) !== own[at]).length;
      expect(mixing.labelsAt(step)).toEqual({ labels, mixed });
    }
    expect(moved).toBeGreaterThan(8);
  });
});

describe('sliceLabels', () => {
  it('cuts labels and their partners alike', () => {
    const [labels, partners] = [Int32Array.from([1, 2, 3, 4]), Int32Array.from([5, 6, 7, 8])];
    expect(sliceLabels({ labels }, 1, 2)).toEqual({ labels: Int32Array.from([2, 3]) });
    expect(sliceLabels({ labels, mixed: { labels: partners, share: 0.7 } }, 2, 2)).toEqual({
      labels: Int32Array.from([3, 4]),
      mixed: { labels: Int32Array.from([7, 8]), share: 0.7 },
    });
  });
});
