/** Finalists: the best of a front, timed whole on the device, and the one of them that a study goes on with. */
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { Archive } from '../evolution/archive.js';
import { type Measure, measureNetworks } from '../pricing.js';
import type { GeneSpace } from './gene-space.js';

export interface Finalist {
  readonly individual: IndividualView;
  readonly predictedMs: number;
  readonly measuredMs: number;
}

/** Networks of the front that are measured whole. */
const finalistCount = 8;

/** All that no individual dominates, in the order in which they were born. */
export function frontOf(individuals: readonly IndividualView[]): readonly IndividualView[] {
  const archive = new Archive<IndividualView>([]);
  for (const individual of individuals) archive.add(individual);
  return archive.members;
}

/** The most accurate of the front, measured, the most accurate first. */
export async function measureFinalists(
  space: GeneSpace,
  individuals: readonly IndividualView[],
  measure: Measure,
): Promise<Finalist[]> {
  const accuracyOf = ({ accuracy, probeAccuracy }: IndividualView) => accuracy ?? probeAccuracy;
  const best = [...frontOf(individuals)].sort((a, b) => accuracyOf(b) - accuracyOf(a)).slice(0, finalistCount);
  const measured = await measureNetworks(
    best.map(({ genes }) => space.decode(genes)),
    measure,
  );
  return best.map((individual, index) => {
    return { individual, predictedMs: individual.latencies[0]!.predictedMs, measuredMs: measured[index]!.medianMs };
  });
}

/** The most accurate that keeps the budget; where none does, the fastest. */
export function chooseFinalist(finalists: readonly Finalist[], budgetMs: number): Finalist {
  return (
    finalists.find(({ measuredMs }) => measuredMs <= budgetMs) ??
    finalists.reduce((a, b) => (b.measuredMs < a.measuredMs ? b : a))
  );
}
