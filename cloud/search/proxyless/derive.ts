/** From architecture parameters to a network: argmax per slot, or the most probable network that keeps the budget. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { fastestPath, pathLatencyMs } from '../space.js';
import { softmax } from './gates.js';

type Matrix = readonly (readonly number[])[];

/** The most probable candidate of each slot (ProxylessNAS §3.2); the first of equals. */
export function derive(alphas: Matrix): number[] {
  return alphas.map((slot) => slot.indexOf(Math.max(...slot)));
}

/** Fineness of the latency axis: two partial networks in one cell differ by less than 1/20,000 of the budget. */
const cellCount = 20_000;

/** Relative error allowed to the sum over slots while a network is unfinished; the finished one must keep the budget exactly. */
const roundingSlack = 1e-12;

/**
 * The most probable network whose predicted latency is at most the budget and at least `leastMs`, if there is one so slow.
 *
 * Dynamic programming over slots. A cell of the latency axis keeps the most probable partial network that lies in it
 * with its exact latency, so the budget is kept exactly; what may be lost is a network that is more probable by having been
 * within 1/20,000 of the budget of one that was kept.
 * Throws `BUDGET_TOO_SMALL` naming the fastest network.
 */
export function deriveWithin(
  alphas: Matrix,
  latencyMs: Matrix,
  fixedMs: number,
  budgetMs: number,
  leastMs = 0,
): number[] {
  const fastest = fastestPath(latencyMs);
  const fastestMs = pathLatencyMs(fastest, latencyMs, fixedMs);
  if (fastestMs > budgetMs) throw new AppError('BUDGET_TOO_SMALL', { budgetMs, fastestMs });
  const finished = mostProbableByLatency(alphas, latencyMs, fixedMs, budgetMs);
  // Only where the budget is the fastest network's latency to the last bit, and a rival in its cell rounds above it.
  if (finished.length === 0) return fastest;
  const slowEnough = finished.filter(({ ms }) => ms >= leastMs);
  return pathOf(best(slowEnough.length > 0 ? slowEnough : finished));
}

/** A choice for the first slots: a linked list, so that cells share their beginnings. */
interface Partial {
  readonly ms: number;
  readonly logProbability: number;
  readonly candidate: number;
  readonly before: Partial | null;
}

function mostProbableByLatency(alphas: Matrix, latencyMs: Matrix, fixedMs: number, budgetMs: number): Partial[] {
  const fastestRestMs = restOfFastest(latencyMs);
  let frontier: Partial[] = [{ ms: fixedMs, logProbability: 0, candidate: -1, before: null }];
  alphas.forEach((slot, index) => {
    const logProbabilities = softmax(slot).map(Math.log);
    const cells = new Map<number, Partial>();
    for (const before of frontier) {
      slot.forEach((_, candidate) => {
        const ms = before.ms + latencyMs[index]![candidate]!;
        const logProbability = before.logProbability + logProbabilities[candidate]!;
        if (ms + fastestRestMs[index + 1]! > budgetMs * (1 + roundingSlack)) return;
        const cell = Math.floor(((ms - fixedMs) / budgetMs) * cellCount);
        const rival = cells.get(cell);
        const wins =
          !rival || logProbability > rival.logProbability || (logProbability === rival.logProbability && ms < rival.ms);
        if (wins) cells.set(cell, { ms, logProbability, candidate, before });
      });
    }
    frontier = [...cells.values()];
  });
  return frontier.filter(({ ms }) => ms <= budgetMs);
}

/** Latency of the fastest completion after each slot, [slots + 1]. */
function restOfFastest(latencyMs: Matrix): number[] {
  const rest = [0];
  for (const row of [...latencyMs].reverse()) rest.unshift(rest[0]! + Math.min(...row));
  return rest;
}

function best(partials: readonly Partial[]): Partial {
  return partials.reduce((a, b) => (b.logProbability > a.logProbability ? b : a));
}

function pathOf(last: Partial): number[] {
  const path: number[] = [];
  for (let partial: Partial | null = last; partial?.before; partial = partial.before) path.unshift(partial.candidate);
  return path;
}
