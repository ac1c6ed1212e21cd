/**
 * From a search's probabilities to a network that keeps the budget on the device itself.
 *
 * The derived network is measured whole. Where it misses the budget, the prediction was too low for it by a known
 * factor: the target is lowered by that factor and the most probable network within it is taken, a few times at most.
 */
import { type Measure, measureNetworks, type Prices } from './pricing.js';
import type { ProxylessResult } from './proxyless/search.js';
import { choose, pathLatencyMs, type SearchSpace } from './space.js';

export interface Derived {
  /** Candidate index per slot. */
  readonly path: readonly number[];
  readonly predictedMs: number;
  /** With untrained weights, as a whole. */
  readonly measuredMs: number;
  /** One line per network that was tried. */
  readonly log: readonly string[];
}

const maxTries = 5;

/** The most probable network whose measured latency keeps the budget; where none of the tries does, the fastest of them. */
export async function deriveMeasured(
  space: SearchSpace,
  { latencyMs, fixedMs, budgetMs, fastestMs }: Prices,
  { path: first, within }: Pick<ProxylessResult, 'path' | 'within'>,
  measure: Measure,
  name: string,
): Promise<Derived> {
  const tried: { path: readonly number[]; predictedMs: number; measuredMs: number; doubt: string | null }[] = [];
  let path = first;
  let targetMs = budgetMs;
  while (true) {
    const predictedMs = pathLatencyMs(path, latencyMs, fixedMs);
    const [measured] = await measureNetworks([choose(space, path, name)], measure);
    const { medianMs: measuredMs, doubt } = measured!;
    tried.push({ path, predictedMs, measuredMs, doubt });
    targetMs = Math.min(targetMs, predictedMs) * Math.min(budgetMs / measuredMs, 0.999);
    if (measuredMs <= budgetMs || tried.length === maxTries || targetMs < fastestMs) break;
    path = within(targetMs);
  }
  const log = tried.map(
    ({ predictedMs, measuredMs, doubt }) =>
      `derived: predicted ${predictedMs.toFixed(3)} ms, measured ${measuredMs.toFixed(3)} ms${doubt === null ? '' : ` (in doubt: ${doubt})`}, budget ${budgetMs.toFixed(3)} ms`,
  );
  const best =
    tried.find(({ measuredMs }) => measuredMs <= budgetMs) ??
    tried.reduce((a, b) => (b.measuredMs < a.measuredMs ? b : a));
  const { path: chosen, predictedMs, measuredMs } = best;
  return { path: chosen, predictedMs, measuredMs, log };
}
