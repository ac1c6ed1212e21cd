/** For tests that hold stages of one thread against their own process: TensorFlow splits sums by its threads, on some processors in small tensors, too. Its number is read when the backend loads. */
import { computeProcess } from '@bespoke/cloud/train/threads.js';

export function computeWithOneThread(): void {
  Object.assign(process.env, computeProcess(1).env);
}
