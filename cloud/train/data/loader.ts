/**
 * Loader: batches of a packed data set as engines feed them, float32 NHWC, normalized.
 *
 * What batch `step` holds is a function of (seed, split, step) alone: a resumed training sees the batches that it would have seen.
 * Epochs follow each other without a gap, so every batch is full.
 */
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';
import type { Augmentation } from '../recipe.js';
import { drawMixing, Mixup } from './mixup.js';
import { imageSize, type PackedDataset, type Split, splitRange } from './packed.js';

/** What the samples of a batch are. The loader writes the next batch over the arrays. */
export interface BatchLabels {
  /** [count] */
  readonly labels: Int32Array;
  /** Where samples are mixed in pairs: the partners' labels, and the share of a sample's own. */
  readonly mixed?: { readonly labels: Int32Array; readonly share: number };
}

export interface Batch extends BatchLabels {
  /** [count, height, width, channels], (pixel / 255 - mean) / deviation; likewise. */
  readonly images: Float32Array;
  readonly count: number;
}

export interface Loader {
  /** How many samples the split has. */
  readonly sampleCount: number;
  /** Batch `step` of the endless shuffled run through the split, augmented. */
  batchAt(step: number): Batch;
  /** Its labels alone, for who has no use for the images. */
  labelsAt(step: number): BatchLabels;
  /** Samples [first, first + batchSize) of the split in its own order, as they are; the last batch may be short. */
  inOrder(first: number): Batch;
}

export const noAugmentation: Augmentation = { flip: false, cropPaddingPixels: 0, cutoutPixels: 0 };

export interface LoaderOptions {
  readonly split: Split;
  readonly seed: number;
  readonly batchSize: number;
  readonly augmentation: Augmentation;
}

/** Opens a loader over one split, which must not be empty. Its buffers are allocated here, once. */
export function openLoader(data: PackedDataset, { split, seed, batchSize, augmentation }: LoaderOptions): Loader {
  const { manifest } = data;
  const { first, count: sampleCount } = splitRange(manifest, split);
  const size = imageSize(manifest);
  const images = new Float32Array(batchSize * size);
  const labels = new Int32Array(batchSize);
  const writeImage = imageWriter(data, images);
  const writeAugmented = augmentedWriter(manifest, images, writeImage, augmentation);
  const { mixupAlpha: alpha } = augmentation;
  const mixup = alpha && new Mixup((step) => drawMixing(alpha, batchSize, seed, split, step), batchSize, size);
  const orders = new OrderCache((epoch) => randomStream(seed, 'order', split, epoch).permutation(sampleCount));
  const sampleAt = (step: number, slot: number) => {
    const position = step * batchSize + slot;
    return first + orders.get(Math.floor(position / sampleCount))[position % sampleCount]!;
  };
  const labelsAt = (step: number): BatchLabels => {
    for (let slot = 0; slot < batchSize; slot++) labels[slot] = data.labels[sampleAt(step, slot)]!;
    return { labels, ...(mixup && { mixed: mixup.partnersOf(labels, step) }) };
  };

  return {
    sampleCount,
    labelsAt,
    batchAt(step) {
      const stream = randomStream(seed, 'augmentation', split, step);
      for (let slot = 0; slot < batchSize; slot++) writeAugmented(sampleAt(step, slot), slot, stream);
      if (mixup) mixup.mix(images, step);
      return { images, ...labelsAt(step), count: batchSize };
    },
    inOrder(start) {
      const count = Math.min(batchSize, sampleCount - start);
      for (let slot = 0; slot < count; slot++) {
        writeImage(first + start + slot, slot, 0, 0, false);
        labels[slot] = data.labels[first + start + slot]!;
      }
      return { images: images.subarray(0, count * size), labels: labels.subarray(0, count), count };
    },
  };
}

/** Those of samples [first, first + count). */
export function sliceLabels({ labels, mixed }: BatchLabels, first: number, count: number): BatchLabels {
  const cut = (all: Int32Array) => all.subarray(first, first + count);
  return { labels: cut(labels), ...(mixed && { mixed: { labels: cut(mixed.labels), share: mixed.share } }) };
}

/** Normalized values of all 256 pixel values, per channel: [channels * 256]. */
export function normalizationTable({ channels, mean, deviation }: PackedDataset['manifest']): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, index) => {
    const channel = index >> 8;
    return ((index & 255) / 255 - mean[channel]!) / deviation[channel]!;
  });
}

/** Keeps the orders of the last two epochs: a batch reaches over at most a few, and steps mostly go forward. */
class OrderCache {
  private readonly orders = new Map<number, Uint32Array>();
  constructor(private readonly draw: (epoch: number) => Uint32Array) {}

  get(epoch: number): Uint32Array {
    let order = this.orders.get(epoch);
    if (!order) {
      order = this.draw(epoch);
      if (this.orders.size === 2) this.orders.delete(this.orders.keys().next().value!);
      this.orders.set(epoch, order);
    }
    return order;
  }
}

type WriteImage = (sample: number, slot: number, shiftY: number, shiftX: number, mirrored: boolean) => void;

/** Writes a sample, shifted and mirrored, into a slot of the batch; what comes in from outside is the mean colour, 0. */
function imageWriter({ manifest, images: pixels }: PackedDataset, batch: Float32Array): WriteImage {
  const { height, width, channels } = manifest;
  const size = imageSize(manifest);
  const table = normalizationTable(manifest);
  return (sample, slot, shiftY, shiftX, mirrored) => {
    const end = slot * size + size;
    if (shiftY !== 0 || shiftX !== 0) batch.fill(0, slot * size, end);
    const fromX = Math.max(0, -shiftX);
    const toX = Math.min(width, width - shiftX);
    for (let y = Math.max(0, -shiftY); y < Math.min(height, height - shiftY); y++) {
      const row = slot * size + y * width * channels;
      for (let x = fromX; x < toX; x++) {
        const sourceX = x + shiftX;
        let from = sample * size + ((y + shiftY) * width + (mirrored ? width - 1 - sourceX : sourceX)) * channels;
        let to = row + x * channels;
        for (let channel = 0; channel < channels; channel++) batch[to++] = table[(channel << 8) | pixels[from++]!]!;
      }
    }
  };
}

/** Writes a sample into a slot of the batch, moved, mirrored and cut out as the stream says. */
function augmentedWriter(
  manifest: PackedDataset['manifest'],
  batch: Float32Array,
  writeImage: WriteImage,
  { flip, cropPaddingPixels: pad, cutoutPixels }: Augmentation,
): (sample: number, slot: number, stream: RandomStream) => void {
  return (sample, slot, stream) => {
    const mirrored = flip && stream.uniform() < 0.5;
    const shiftY = pad > 0 ? stream.integer(2 * pad + 1) - pad : 0;
    const shiftX = pad > 0 ? stream.integer(2 * pad + 1) - pad : 0;
    writeImage(sample, slot, shiftY, shiftX, mirrored);
    if (cutoutPixels === 0) return;
    const top = stream.integer(manifest.height) - (cutoutPixels >> 1);
    const left = stream.integer(manifest.width) - (cutoutPixels >> 1);
    cutOut(batch, slot * imageSize(manifest), manifest, top, left, cutoutPixels);
  };
}

/** Zeroes (mean colour) a square that may reach over the edge (Cutout, DeVries and Taylor 2017). */
function cutOut(
  batch: Float32Array,
  start: number,
  { height, width, channels }: PackedDataset['manifest'],
  top: number,
  left: number,
  side: number,
): void {
  const from = Math.max(0, left) * channels;
  const to = Math.min(width, left + side) * channels;
  for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
    const row = start + y * width * channels;
    batch.fill(0, row + from, row + to);
  }
}
