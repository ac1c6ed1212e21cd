/** Judgement of an individual: from what is known of it to its coordinates on the front, and to how far it is from keeping its limits. A new device, or a new table, is a new judgement of the same accuracies. */
import type { JournaledIndividual } from './journal.js';
import type { Objective } from './objective.js';

export type Judged = Pick<JournaledIndividual, 'objectives' | 'violation'>;
export type Known = Pick<JournaledIndividual, 'genes' | 'accuracy' | 'probeAccuracy' | 'standards' | 'latencies'>;

/**
 * `budgetsMs` has one number per device; null: latency is no limit. One whose training was ended early has the accuracy of its probe, and violates by what that lacks;
 * one whose training was not begun has none, and lacks it all.
 */
export function judge(known: Known, objectives: readonly Objective[], budgetsMs: readonly number[] | null): Judged {
  const { genes, accuracy, probeAccuracy, standards } = known;
  const latenciesMs = known.latencies.map(({ predictedMs, measuredMs }) => measuredMs ?? predictedMs);
  const facts = { genes, accuracy: accuracy ?? probeAccuracy ?? 0, latenciesMs };
  const lateShares = (budgetsMs ?? []).map((budgetMs, device) => Math.max(latenciesMs[device]! / budgetMs - 1, 0));
  const lackingShare = accuracy === null ? 1 - (probeAccuracy ?? 0) / (standards.probeAccuracy ?? 1) : 0;
  return {
    objectives: objectives.map(({ of }) => of(facts)),
    violation: lateShares.reduce((sum, share) => sum + share, lackingShare),
  };
}
