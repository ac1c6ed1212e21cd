/** Judges a finished evolution anew, by other devices, budgets or objectives: accuracies stay, all that follows from latencies is made again, and nothing is trained. */
import type { Genes } from './gene-space.js';
import type { Journal, JournaledIndividual } from './journal.js';
import { judge } from './judge.js';
import type { Evolution, Latency } from './search.js';

export interface Rejudging extends Pick<Evolution, 'objectives' | 'budgetsMs' | 'table' | 'onIndividual' | 'stop'> {
  /** Of the finished evolution. */
  readonly individuals: readonly JournaledIndividual[];
  /** Of this one. */
  readonly journal: Journal;
  latencies(genes: Genes): Promise<readonly Latency[]>;
  /** By how much a network misses what gates refuse before a training, as a share; 0 where it keeps it. */
  excessShare(genes: Genes): number;
}

/** All individuals, in the order in which they were born, each stored before it counts; goes on where its journal ends. */
export async function rejudge({
  individuals,
  journal,
  objectives,
  budgetsMs,
  table,
  latencies,
  excessShare,
  onIndividual,
  stop,
}: Rejudging): Promise<readonly JournaledIndividual[]> {
  const all = [...journal.individuals];
  for (const individual of all) onIndividual?.(individual);
  for (const before of individuals.slice(all.length)) {
    if (stop?.aborted && all.length > 0) break;
    const known = { ...before, latencies: await latencies(before.genes) };
    const judged = judge(known, objectives, budgetsMs);
    const violation = judged.violation + excessShare(before.genes);
    const individual = { ...known, ...judged, violation, seconds: 0, table };
    await journal.append(individual);
    all.push(individual);
    onIndividual?.(individual);
  }
  return all;
}
