/** Individual: a genotype that was evaluated. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Evaluated } from './dominance.js';
import type { ObjectiveCount } from './points.js';

/** Equal for equal genotypes, different for different ones. */
export type Key = string | number;

/** A genotype with what its evaluation gave. */
export interface Told<G> extends Evaluated {
  readonly genotype: G;
}

export interface Individual<G> extends Told<G> {
  readonly key: Key;
}

/** What was told, once it has been looked at. Throws `EVOLUTION_TELL_INVALID`. */
export function individualOf<G>(told: Told<G>, key: Key, objectiveCount: ObjectiveCount): Individual<G> {
  const { genotype, objectives, violation } = told;
  if (objectives.length !== objectiveCount || !objectives.every(Number.isFinite)) {
    const problem = `its objectives are [${objectives.join(', ')}], not ${objectiveCount} finite numbers`;
    throw new AppError('EVOLUTION_TELL_INVALID', { key: String(key), problem });
  }
  if (!(Number.isFinite(violation) && violation >= 0)) {
    const problem = `its violation is ${violation}, not a number from 0 on`;
    throw new AppError('EVOLUTION_TELL_INVALID', { key: String(key), problem });
  }
  return { genotype, key, objectives, violation };
}
