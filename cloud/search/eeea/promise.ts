/**
 * The promise of a network that was not trained: the accuracy of those like it. Of its objectives it is the only one that costs anything to know; the others
 * follow from the genes.
 */
import { Surrogate } from '../evolution/surrogate.js';
import type { Genes } from './gene-space.js';
import type { JournaledIndividual } from './journal.js';

/** Chosen on the synthetic bench (docs/experiments.md). */
const settings = { similarity: 0.9, noiseShare: 0.05 } as const;

/** The latest individuals that are learnt from: the cost grows with the third power. */
const mostCount = 500;

/** Accuracy by genes, 0..1. Does not depend on the order in which evaluations of one generation ended. */
export function learnAccuracy(
  individuals: readonly JournaledIndividual[],
  groupSize: number,
): (genes: Genes) => number {
  const judged = individuals.filter(({ accuracy }) => accuracy !== null);
  const growth = mean(judged.map(({ accuracy, probeAccuracy }) => accuracy! / Math.max(probeAccuracy!, 1e-6)));
  const told = individuals
    .filter(({ probeAccuracy }) => probeAccuracy !== null)
    .sort((a, b) => b.generation - a.generation || compare(a.genes, b.genes))
    .slice(0, mostCount);
  // What was ended early would have grown as the others did.
  const values = told.map(({ accuracy, probeAccuracy }) => accuracy ?? Math.min(growth * probeAccuracy!, 1));
  const surrogate = new Surrogate(
    told.map(({ genes }) => genes),
    values,
    { groupSize, ...settings },
  );
  return (genes) => surrogate.predict(genes);
}

function compare(a: Genes, b: Genes): number {
  const index = a.findIndex((gene, at) => gene !== b[at]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
