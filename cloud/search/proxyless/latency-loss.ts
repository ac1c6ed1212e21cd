/**
 * The latency term of the architecture loss (ProxylessNAS §3.3): E[latency] is a sum over slots of sum_i p_i F(o_i), so its
 * gradient is exact and costs a dot product. It is taken over all candidates of every slot at every architecture step,
 * whatever the gates looked at, Zero included: Zero's 0 ms are a price like any other. (The reference takes it over the sampled
 * pair and drops it where Zero is drawn; then a slot that leans to Zero no longer learns.)
 *
 * All terms depend on E/T alone, T being the budget, so no unit of time enters.
 */
import { softmax } from './gates.js';

type Matrix = readonly (readonly number[])[];

/** Expected latency in ms over the architecture's probabilities, `fixedMs` included. */
export function expectedLatencyMs(alphas: Matrix, latencyMs: Matrix, fixedMs: number): number {
  return alphas.reduce((sum, slot, index) => sum + expectation(softmax(slot), latencyMs[index]!), fixedMs);
}

/** dE/da in ms, [slot][candidate]: p_i * (F(o_i) - E[F of the slot]). */
export function expectedLatencyGradient(alphas: Matrix, latencyMs: Matrix): number[][] {
  return alphas.map((slot, index) => {
    const probabilities = softmax(slot);
    const mean = expectation(probabilities, latencyMs[index]!);
    return probabilities.map((p, candidate) => p * (latencyMs[index]![candidate]! - mean));
  });
}

function expectation(probabilities: readonly number[], values: readonly number[]): number {
  return probabilities.reduce((sum, p, index) => sum + p * values[index]!, 0);
}

/**
 * How E/T enters the loss.
 * - `lagrangian` (default): a constraint, E <= T. psi(h) = (max(0, multiplier + damping*h)^2 - multiplier^2) / (2*damping) with
 *   h = E/T - 1, and after each step multiplier := max(0, multiplier + ascent*h). The multiplier finds the weight that the paper has
 *   one guess; the damping (augmented Lagrangian of Powell, Hestenes and Rockafellar) keeps E from swinging about T.
 * - `hinge`: weight * max(0, E/T - 1): no pull below the budget.
 * - `linear`: weight * (E/T - 1), the reference's `add#linear`; E settles wherever accuracy and weight balance.
 * - `none`: no latency in the search; the budget enters at derivation alone.
 */
export interface LatencyLossKinds {
  lagrangian: { readonly damping: number; readonly ascent: number };
  hinge: { readonly weight: number };
  linear: { readonly weight: number };
  none: Record<never, never>;
}
export type LatencyLossKind = keyof LatencyLossKinds;
export type LatencyLoss = { [K in LatencyLossKind]: { readonly kind: K } & LatencyLossKinds[K] }[LatencyLossKind];

interface Row<S> {
  /** The term's value; `ratio` is E/T. */
  value(settings: S, ratio: number, multiplier: number): number;
  /** d value / d ratio */
  slope(settings: S, ratio: number, multiplier: number): number;
  nextMultiplier(settings: S, ratio: number, multiplier: number): number;
}

const unchanged = (_: unknown, __: number, multiplier: number) => multiplier;

const rows: { readonly [K in LatencyLossKind]: Row<LatencyLossKinds[K]> } = {
  lagrangian: {
    value: ({ damping }, ratio, multiplier) => {
      const force = Math.max(0, multiplier + damping * (ratio - 1));
      return (force * force - multiplier * multiplier) / (2 * damping);
    },
    slope: ({ damping }, ratio, multiplier) => Math.max(0, multiplier + damping * (ratio - 1)),
    nextMultiplier: ({ ascent }, ratio, multiplier) => Math.max(0, multiplier + ascent * (ratio - 1)),
  },
  hinge: {
    value: ({ weight }, ratio) => weight * Math.max(0, ratio - 1),
    slope: ({ weight }, ratio) => (ratio > 1 ? weight : 0),
    nextMultiplier: unchanged,
  },
  linear: {
    value: ({ weight }, ratio) => weight * (ratio - 1),
    slope: ({ weight }) => weight,
    nextMultiplier: unchanged,
  },
  none: { value: () => 0, slope: () => 0, nextMultiplier: unchanged },
};

export const latencyLossKinds = Object.keys(rows) as readonly LatencyLossKind[];

const rowOf = (loss: LatencyLoss) => rows[loss.kind] as Row<LatencyLoss>;

/** What the latency adds to the loss, without unit; `ratio` is expected latency over budget. */
export function latencyLossValue(loss: LatencyLoss, ratio: number, multiplier: number): number {
  return rowOf(loss).value(loss, ratio, multiplier);
}

/** Gradient of that term by the architecture parameters, [slot][candidate], without unit. */
export function latencyLossGradient(
  loss: LatencyLoss,
  alphas: Matrix,
  latencyMs: Matrix,
  fixedMs: number,
  budgetMs: number,
  multiplier: number,
): number[][] {
  const ratio = expectedLatencyMs(alphas, latencyMs, fixedMs) / budgetMs;
  const slope = rowOf(loss).slope(loss, ratio, multiplier) / budgetMs;
  return expectedLatencyGradient(alphas, latencyMs).map((slot) => slot.map((gradient) => slope * gradient));
}

/** The multiplier after an architecture step that left expected latency at `ratio` times the budget. */
export function nextMultiplier(loss: LatencyLoss, ratio: number, multiplier: number): number {
  return rowOf(loss).nextMultiplier(loss, ratio, multiplier);
}
