/** Parity: does the exported file give the engine's outputs? The check that every export passes before a user sees it. */
import { AppError } from '@bespoke/shared/base/errors.js';

/** Runs an exported file on one input [H, W, C]; returns its logits [classes]. */
export type RunModel = (input: Float32Array) => Float32Array;

export interface Parity {
  readonly count: number;
  /** Share of the inputs for which file and engine put the same class first, 0..1. */
  readonly agreement: number;
  /** Largest difference between two logits, as a share of the range of the engine's logits. */
  readonly largestDifference: number;
}

/** What a good export reaches: float32 sums in another order, no more. */
export const parityBounds = { agreement: 0.995, largestDifference: 1e-3 } as const;

export function isWithinBounds({ agreement, largestDifference }: Parity): boolean {
  return agreement >= parityBounds.agreement && largestDifference <= parityBounds.largestDifference;
}

/**
 * Compares the file with the engine: `inputs` [count, H, W, C] as the network gets them (normalized), `logits` [count, classes] the engine's.
 * Throws `EXPORT_SHAPE_DIFFERS` where the file gives another number of logits.
 */
export function compareOutputs(run: RunModel, inputs: Float32Array, logits: Float32Array, classCount: number): Parity {
  const count = logits.length / classCount;
  const inputSize = inputs.length / count;
  let agreeing = 0;
  let largest = 0;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < count; index++) {
    const expected = logits.subarray(index * classCount, (index + 1) * classCount);
    const got = run(inputs.subarray(index * inputSize, (index + 1) * inputSize));
    if (got.length !== classCount)
      throw new AppError('EXPORT_SHAPE_DIFFERS', { expected: classCount, got: got.length });
    if (argmax(got) === argmax(expected)) agreeing++;
    for (let i = 0; i < classCount; i++) {
      low = Math.min(low, expected[i]!);
      high = Math.max(high, expected[i]!);
      largest = Math.max(largest, Math.abs(expected[i]! - got[i]!)); // NaN stays NaN
    }
  }
  return { count, agreement: agreeing / count, largestDifference: largest / (high - low) };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
