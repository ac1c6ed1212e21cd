/** One training step: a batch forward, its gradients, the weights' move. What a network and a supernet's path share. */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { Batch, BatchLabels } from '../data/loader.js';
import type { DatasetManifest } from '../data/packed.js';
import type { StepResult } from '../engine.js';
import { clipScale, squaredNorms } from './clipping.js';
import { lossOf, meanScore, writeTargets } from './loss.js';
import { applyGradients, type OptimizerStep } from './optimizer.js';
import type { Variables } from './variables.js';

export interface StepContext {
  readonly tf: Tf;
  readonly variables: Variables;
  readonly manifest: DatasetManifest;
}

/** A batch's images as a tensor [N, H, W, C]; use it before the loader writes the next batch over its numbers. */
export function imageTensor(
  { tf, manifest }: Pick<StepContext, 'tf' | 'manifest'>,
  { images, count }: Pick<Batch, 'images' | 'count'>,
): Tensor {
  return tf.tensor(images, [count, manifest.height, manifest.width, manifest.channels]);
}

/** The targets of a batch, or of a part of a mini-batch of `sampleCount`, as `crossEntropy` takes them. */
export function targetTensor(
  { tf, manifest }: Pick<StepContext, 'tf' | 'manifest'>,
  batch: BatchLabels,
  smoothing: number,
  sampleCount?: number,
): Tensor {
  const classCount = manifest.classes.length;
  const count = batch.labels.length;
  const targets = new Float32Array(count * classCount);
  writeTargets(targets, batch, classCount, smoothing, sampleCount);
  return tf.tensor(targets, [count, classCount]);
}

export interface Descent extends OptimizerStep {
  readonly labelSmoothing: number;
  /** Of the gradient of all named weights together; any where absent. */
  readonly clipNorm?: number;
  /** The weights that move: exactly those that `forward` reads. */
  readonly names: readonly string[];
  /** Of the loss of the auxiliary head, where there is one. */
  readonly auxiliaryWeight?: number;
  /** x [N, H, W, C] -> logits [N, classes], and those of the auxiliary head where there is one. */
  forward(x: Tensor): readonly Tensor[];
}

/** Moves the named weights along the gradient of the batch's loss; the logits are the only thing read back. */
export async function descend(context: StepContext, batch: Batch, descent: Descent): Promise<StepResult> {
  const { tf, variables, manifest } = context;
  const x = imageTensor(context, batch);
  const targets = targetTensor(context, batch, descent.labelSmoothing);
  const weights = descent.names.map((name) => variables.values.get(name)!);
  let logits: Tensor | undefined;
  const { value, grads } = tf.valueAndGrads(() => {
    const outputs = descent.forward(x);
    logits = tf.keep(outputs[0]!);
    return lossOf(tf, outputs, targets, descent.auxiliaryWeight);
  })(weights);
  const { names, clipNorm } = descent;
  const gradientScale = clipNorm === undefined ? 1 : clipScale(clipNorm, await squaredNorms(names, grads));
  applyGradients(tf, variables, names, grads, { ...descent, gradientScale });
  const result = meanScore((await logits!.data()) as Float32Array, batch.labels, manifest.classes.length);
  tf.dispose([x, targets, value, logits!]);
  return result;
}

/** Lets timers, sockets and signals have their turn: steps themselves never leave the thread. */
export function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
