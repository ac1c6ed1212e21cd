/**
 * Evaluation of a study's individuals: by what is known, else by a training.
 *
 *   genes ─▶ accuracies, by the canonical form and the way of training ─▶ known
 *                 └ unknown ─▶ evaluator, a parent's weights with it where they are inherited ─▶ stored ─▶ known
 */
import { join } from 'node:path';
import { hashJson } from '@bespoke/shared/base/json.js';
import { AccuracyCache } from '../../train/evaluation/accuracy-cache.js';
import { type Evaluator, noStandards, type Standards } from '../../train/evaluation/evaluator.js';
import { evaluationRecipe } from '../settings.js';
import type { ResolvedSpec } from '../spec.js';
import type { StudyPorts } from '../study-ports.js';
import type { GeneSpace, Genes } from './gene-space.js';
import { inheritedWeights, weightsDirectory } from './inheritance.js';
import type { Evolution } from './search.js';

export interface Evaluation {
  /** As an evolution asks for it. */
  readonly evaluate: Evolution['evaluate'];
  /** What a whole evaluation of these genes takes; what it took, where they are known. */
  secondsOf(genes: Genes): Promise<number>;
}

/** Trains each network once for each way of training, on whatever device it is searched for; where weights are inherited, once in this study. */
export async function openEvaluation(
  spec: ResolvedSpec,
  space: GeneSpace,
  ports: Pick<StudyPorts, 'directory' | 'engine' | 'data'>,
  evaluator: Evaluator,
): Promise<Evaluation> {
  const recipe = evaluationRecipe(spec);
  const cache = await AccuracyCache.open(accuraciesPath(spec, ports));
  const weightsOf = spec.evolution.evaluation.inherit
    ? (...family: Family) => ({ weights: inheritedWeights(weightsDirectory(ports.directory), space, ...family) })
    : () => ({});
  const known = (genes: Genes, standards: Standards) => cache.get(space.key(genes), standards);
  const train: Evolution['evaluate'] = async (genes, standards, parents) => {
    const genesOfParents = parents.map((parent) => parent.genes);
    const task = { network: space.decodeProxy(genes), recipe, standards, ...weightsOf(genes, genesOfParents) };
    const evaluated = await evaluator.evaluate(task);
    await cache.set(space.key(genes), evaluated);
    return evaluated;
  };
  return {
    async evaluate(genes, standards, parents) {
      const before = known(genes, standards);
      return before ? { ...before, seconds: 0 } : train(genes, standards, parents);
    },
    async secondsOf(genes) {
      return (known(genes, noStandards) ?? (await train(genes, noStandards, []))).seconds;
    },
  };
}

type Family = Parameters<typeof inheritedWeights> extends [unknown, unknown, ...infer F] ? F : never;

/** Of a line's form; what was written in an older one is not read. */
const linesVersion = 2;

/** What is learnt from inherited weights depends on who the parents were, so no other study is told. */
function accuraciesPath(
  spec: ResolvedSpec,
  { directory, engine, data }: Pick<StudyPorts, 'directory' | 'engine' | 'data'>,
) {
  const { evaluation, cells } = spec.evolution;
  if (evaluation.inherit) return join(directory, 'accuracies.jsonl');
  const form = cells === null ? spec.space : { proxy: cells.proxy, concat: cells.concat };
  const recipe = evaluationRecipe(spec);
  const way = hashJson({ linesVersion, recipe, form, data: data.manifest.sha256, engine: engine.describe() });
  return join(directory, '..', '..', 'accuracies', `${way}.jsonl`);
}
