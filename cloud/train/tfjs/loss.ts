/** Cross-entropy: differentiable on the backend for the step, and as numbers for the report. */
import type { Tensor, Tensor2D, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { BatchLabels } from '../data/loader.js';
import type { StepResult } from '../engine.js';

/**
 * Writes -target / sampleCount, [labels, classes], into `targets`: so that the loss is a plain sum. Smoothing s: (1 - s) on the label and s / classes on every class; where samples are mixed,
 * the label and its partner share the former.
 * `sampleCount` is that of the mini-batch where the labels are of a part of it: the losses of the parts add up to its mean.
 */
export function writeTargets(
  targets: Float32Array,
  { labels, mixed }: BatchLabels,
  classCount: number,
  smoothing: number,
  sampleCount = labels.length,
): void {
  targets.fill(-smoothing / classCount / sampleCount);
  const add = (classes: Int32Array, target: number) => {
    for (const [index, label] of classes.entries()) targets[index * classCount + label]! -= target;
  };
  const target = (1 - smoothing) / sampleCount;
  add(labels, mixed ? mixed.share * target : target);
  if (mixed) add(mixed.labels, (1 - mixed.share) * target);
}

/** Cross-entropy of logits [N, classes] against what `writeTargets` wrote: the batch's mean, or a part's share in that of its mini-batch; a scalar. */
export function crossEntropy(tf: Tf, logits: Tensor, targets: Tensor): Tensor {
  return tf.sum(tf.mul(tf.logSoftmax(logits as Tensor2D), targets));
}

/** The loss of what a network gives: logits and, where it has an auxiliary head, those of that, whose loss counts by its weight. */
export function lossOf(tf: Tf, [logits, auxiliary]: readonly Tensor[], targets: Tensor, auxiliaryWeight = 0): Tensor {
  const loss = crossEntropy(tf, logits!, targets);
  return auxiliary ? tf.add(loss, tf.mul(crossEntropy(tf, auxiliary, targets), auxiliaryWeight)) : loss;
}

/** Sums over a batch: cross-entropy without smoothing, and how many are right (the first of equal logits counts). */
export function scoreLogits(
  logits: Float32Array,
  labels: Int32Array,
  classCount: number,
): { lossSum: number; correct: number } {
  let lossSum = 0;
  let correct = 0;
  for (let index = 0; index < labels.length; index++) {
    const start = index * classCount;
    let best = 0;
    for (let c = 1; c < classCount; c++) if (logits[start + c]! > logits[start + best]!) best = c;
    let sum = 0;
    for (let c = 0; c < classCount; c++) sum += Math.exp(logits[start + c]! - logits[start + best]!);
    lossSum += Math.log(sum) + logits[start + best]! - logits[start + labels[index]!]!;
    if (best === labels[index]) correct++;
  }
  return { lossSum, correct };
}

/** Means over a batch. */
export function meanScore(logits: Float32Array, labels: Int32Array, classCount: number): StepResult {
  const { lossSum, correct } = scoreLogits(logits, labels, classCount);
  return { loss: lossSum / labels.length, accuracy: correct / labels.length };
}
