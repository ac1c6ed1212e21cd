/** Finalists: the best of a front, timed whole on every device, and the one of them that a study goes on with. */
import { Archive } from '../evolution/archive.js';
import type { MeasureOnAll } from '../pricing.js';
import type { GeneSpace } from './gene-space.js';
import type { JournaledIndividual } from './journal.js';
import { measureGenes, type Target } from './targets.js';

export interface Finalist {
  readonly individual: JournaledIndividual;
  /** On each device. */
  readonly measuredMs: readonly number[];
}

/** Networks of the front that are measured whole. */
const finalistCount = 8;

/** All that no individual dominates, in the order in which they were born. */
export function frontOf(individuals: readonly JournaledIndividual[]): readonly JournaledIndividual[] {
  const archive = new Archive<JournaledIndividual>([]);
  for (const individual of individuals) archive.add(individual);
  return archive.members;
}

/** The most accurate of the front, measured, the most accurate first. */
export async function measureFinalists(
  space: GeneSpace,
  individuals: readonly JournaledIndividual[],
  measure: MeasureOnAll,
): Promise<Finalist[]> {
  const accuracyOf = ({ accuracy, probeAccuracy }: JournaledIndividual) => accuracy ?? probeAccuracy ?? 0;
  const best = [...frontOf(individuals)].sort((a, b) => accuracyOf(b) - accuracyOf(a)).slice(0, finalistCount);
  const measured = await measureGenes(
    space,
    best.map(({ genes }) => genes),
    measure,
  );
  return best.map((individual, index) => ({ individual, measuredMs: measured[index]! }));
}

/** The most accurate that keeps every budget; where none does, the one that comes nearest to it. */
export function chooseFinalist(finalists: readonly Finalist[], targets: readonly Pick<Target, 'budgetMs'>[]): Finalist {
  const shareOf = ({ measuredMs }: Finalist) =>
    Math.max(...measuredMs.map((ms, device) => ms / targets[device]!.budgetMs));
  return (
    finalists.find((finalist) => shareOf(finalist) <= 1) ??
    finalists.reduce((a, b) => (shareOf(b) < shareOf(a) ? b : a))
  );
}

/** `finalist 17: 61.2% in the search; pi 1.20 ms predicted, 1.21 measured, budget 1.25` */
export function describeFinalist({ individual, measuredMs }: Finalist, targets: readonly Target[]): string {
  const { index, accuracy, probeAccuracy, latencies } = individual;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const ended = probeAccuracy === null ? 'not trained' : `ended early at ${percent(probeAccuracy)}`;
  const judged = accuracy === null ? ended : percent(accuracy);
  const onDevices = targets.map(({ name, budgetMs }, device) => {
    const { predictedMs } = latencies[device]!;
    return `${name}: predicted ${predictedMs.toFixed(3)} ms, measured ${measuredMs[device]!.toFixed(3)} ms, budget ${budgetMs.toFixed(3)} ms`;
  });
  return `finalist ${index}: ${judged} in the search; ${onDevices.join('; ')}`;
}
