/** Inheritance: where the weights of a study's individuals lie while it evolves, and which of a child's parents it begins with (LEMONADE, arXiv 1804.09081, §3). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hashJson } from '@bespoke/shared/base/json.js';
import type { EvaluationTask } from '../../train/evaluation/evaluator.js';
import type { GeneSpace, Genes } from './gene-space.js';

/** Weights of individuals that their children may begin with; of use while the study evolves. */
export const weightsDirectory = (directory: string) => join(directory, 'weights');

/** For a child of these parents: begins with the one that has most genes in common with it among those that were trained to the end; keeps its own. */
export function inheritedWeights(
  directory: string,
  space: Pick<GeneSpace, 'key'>,
  genes: Genes,
  parents: readonly Genes[],
): NonNullable<EvaluationTask['weights']> {
  const pathOf = (each: Genes) => join(directory, `${hashJson(space.key(each))}.safetensors`);
  const [donor] = parents
    .map((parent) => ({ path: pathOf(parent), sharedCount: parent.filter((gene, at) => gene === genes[at]).length }))
    .filter(({ path }) => existsSync(path))
    .sort((a, b) => b.sharedCount - a.sharedCount);
  return { from: donor?.path ?? null, to: pathOf(genes) };
}
