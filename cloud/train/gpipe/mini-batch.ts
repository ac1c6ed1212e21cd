/** The mini-batch of a step as one stage needs it, by micro-batches: images at the first stage, labels at the last, masks at all. All are drawn for the whole, and cut here. */
import type { Graph, TensorId } from '@bespoke/shared/graph/graph.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { type BatchLabels, type Loader, openLoader, sliceLabels } from '../data/loader.js';
import { imageSize, type PackedDataset } from '../data/packed.js';
import type { TrainRecipe } from '../recipe.js';
import { DropMasks } from '../tfjs/drop-masks.js';
import { imageTensor, targetTensor } from '../tfjs/step.js';

export interface MiniBatchOptions {
  /** The partition, of `partitionNetwork`. */
  readonly graph: Graph;
  /** The first stage reads images, the last one labels; the only stage is both. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** How many samples each micro-batch has; they add up to `recipe.batchSize`. */
  readonly microBatchSizes: readonly number[];
  readonly recipe: TrainRecipe;
  readonly data: PackedDataset;
}

export class MiniBatch {
  private readonly loader: Loader;
  private readonly drops: DropMasks;
  /** The first sample of each micro-batch. */
  private readonly firsts: readonly number[];
  private pixels: Float32Array = new Float32Array();
  private classes: BatchLabels = { labels: new Int32Array() };

  constructor(
    private readonly tf: Tf,
    private readonly options: MiniBatchOptions,
  ) {
    const { graph, recipe, data, microBatchSizes } = options;
    this.loader = openLoader(data, { ...recipe, split: 'train' });
    this.drops = new DropMasks(graph, recipe);
    this.firsts = microBatchSizes.map((_, index) =>
      microBatchSizes.slice(0, index).reduce((sum, size) => sum + size, 0),
    );
  }

  /** Loads and draws that of step `step`, 0 for the first one. */
  open(step: number): void {
    const { isFirst, isLast } = this.options;
    if (isFirst) {
      const { images, ...labels } = this.loader.batchAt(step);
      [this.pixels, this.classes] = [images, labels];
    } else if (isLast) this.classes = this.loader.labelsAt(step);
    this.drops.draw(step);
  }

  images(microBatch: number): Tensor {
    const { manifest } = this.options.data;
    const size = imageSize(manifest);
    const [first, count] = this.#rangeOf(microBatch);
    const images = this.pixels.subarray(first * size, (first + count) * size);
    return imageTensor({ tf: this.tf, manifest }, { images, count });
  }

  labels(microBatch: number): BatchLabels {
    return sliceLabels(this.classes, ...this.#rangeOf(microBatch));
  }

  /** As `lossOf` takes them. */
  targets(microBatch: number): Tensor {
    const { recipe, data } = this.options;
    const context = { tf: this.tf, manifest: data.manifest };
    return targetTensor(context, this.labels(microBatch), recipe.labelSmoothing, recipe.batchSize);
  }

  /** As `execute` takes them. */
  masks(microBatch: number): ReadonlyMap<TensorId, Tensor> {
    return this.drops.tensors(this.tf, ...this.#rangeOf(microBatch));
  }

  #rangeOf(microBatch: number): readonly [first: number, count: number] {
    return [this.firsts[microBatch]!, this.options.microBatchSizes[microBatch]!];
  }
}
