/**
 * Binary gates: which candidate of each slot runs, and what the loss says to the architecture parameters.
 *
 * ProxylessNAS §3.1-3.2. Edge e has candidates o_1..o_N with parameters a_1..a_N, p = softmax(a). A gate g is one-hot, drawn from
 * p, so one path is in memory. Its gradient reaches a as if g were p (BinaryConnect):
 *
 *   dL/da_i ~ sum_j dL/dg_j * p_j * (delta_ij - p_i)
 *
 * Two-path mode (§3.2.1, appendix): only two candidates are looked at; the same formula on the pair with p' = softmax of the two a's.
 */
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';

export type GateMode = 'two' | 'full';

/** What one architecture step looks at in one slot; `candidates[active]` is the one that runs. */
export interface Gate {
  /** Candidate indices: the pair in two-path mode, all in full mode, one where the slot is fixed. */
  readonly candidates: readonly number[];
  /** Position in `candidates`. */
  readonly active: number;
}

/** exp(a_i) / sum_j exp(a_j), without overflow. */
export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** Draws a gate. Two-path: two candidates without replacement from p, then the active one of them from p'. */
export function sampleGate(alphas: readonly number[], mode: GateMode, stream: RandomStream): Gate {
  const all = alphas.map((_, candidate) => candidate);
  if (mode === 'full' || alphas.length <= 2) return { candidates: all, active: stream.choice(softmax(alphas)) };
  const first = stream.choice(softmax(alphas));
  // The second draw is from p given that it is not the first; a softmax of the rest, so that it exists however small it is.
  const rest = all.filter((candidate) => candidate !== first);
  const second = rest[stream.choice(softmax(rest.map((candidate) => alphas[candidate]!)))]!;
  const pair = [first, second];
  return { candidates: pair, active: stream.choice(softmax(pair.map((candidate) => alphas[candidate]!))) };
}

/** A gate for every slot, from the stream of this step. */
export function sampleGates(
  alphas: readonly (readonly number[])[],
  mode: GateMode,
  seed: number,
  step: number,
): Gate[] {
  const stream = randomStream(seed, 'gates', step);
  return alphas.map((slot) => sampleGate(slot, mode, stream));
}

/** One candidate per slot, drawn from p: the path of a weight step in the joint phase. */
export function samplePath(alphas: readonly (readonly number[])[], seed: number, step: number): number[] {
  const stream = randomStream(seed, 'path', step);
  return alphas.map((slot) => stream.choice(softmax(slot)));
}

/**
 * The path of a warm-up step. Paths are uniformly random, but in every run of N steps each of a slot's N candidates is
 * trained once: the paper's independent draws leave some candidates of a short warm-up with half the steps of others,
 * and then the search would find out who was lucky (FairNAS, arXiv 1907.01845, strict fairness).
 */
export function warmupPath(candidateCounts: readonly number[], seed: number, step: number): number[] {
  return candidateCounts.map((count, slot) => {
    const round = Math.floor(step / count);
    return randomStream(seed, 'warmup', slot, round).permutation(count)[step % count]!;
  });
}

/** The path that a step's gates let through. */
export function activePath(gates: readonly Gate[]): number[] {
  return gates.map((gate) => gate.candidates[gate.active]!);
}

/** dL/da of the candidates looked at, from dL/dg in the same order: p_i * (dL/dg_i - sum_j p_j dL/dg_j). */
export function gateToAlphaGradient(alphas: readonly number[], gateGradients: readonly number[]): number[] {
  const probabilities = softmax(alphas);
  const mean = probabilities.reduce((sum, p, index) => sum + p * gateGradients[index]!, 0);
  return probabilities.map((p, index) => p * (gateGradients[index]! - mean));
}

/**
 * Shifts the parameters that moved, so that sum exp(a) over them is what it was: every other candidate keeps its
 * probability exactly (ProxylessNAS, appendix: one path enhanced, one attenuated, the rest untouched).
 */
export function rescale(before: readonly number[], after: readonly number[]): number[] {
  const offset = logSumExp(after) - logSumExp(before);
  return after.map((alpha) => alpha - offset);
}

function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
