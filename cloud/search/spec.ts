/** The study's specification: what people write in YAML, with every default filled in when it is resolved. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { stringify } from 'yaml';
import type { z } from 'zod';
import { defaultStepCount } from '../train/recipe-presets.js';
import { checkYaml, formatKeys, type YamlProblem } from '../yaml/check.js';
import { resolveCells } from './eeea/cell-presets.js';
import { resolveSpace } from './presets.js';
import { specSchema } from './spec-schema.js';

/** A specification as people write it: what is absent takes its default. */
export type StudySpec = z.input<typeof specSchema>;

type Output = z.output<typeof specSchema>;

/** A specification with everything filled in but the steps that are still to be planned from `minutes` or to be counted from epochs (null). */
export type ResolvedSpec = Omit<Output, 'space' | 'evolution'> & {
  readonly space: ReturnType<typeof resolveSpace>;
  readonly evolution: Omit<Output['evolution'], 'cells'> & { readonly cells: ReturnType<typeof resolveCells> | null };
};

/** Half-way between the fastest and the slowest network. */
export const defaultBudgetFraction = 0.5;

/** What the keys at the top belong to. */
const root = 'the specification';

/** Steps and evaluations of a study that gives neither minutes nor them. */
const defaultSteps = { search: 2000, evaluations: 400, train: defaultStepCount } as const;

/**
 * Reads a specification from YAML. Throws `SPEC_KEY_UNKNOWN` with the line and the nearest valid key, `SPEC_INVALID`
 * with the line, the path and what was expected.
 */
export function parseSpec(yaml: string): StudySpec {
  const checked = checkYaml(yaml, specSchema);
  if ('problem' in checked) throw specError(checked.problem);
  return checked.given;
}

/** Fills every default in. Throws `SPEC_INVALID` (line 0: an object has no lines). */
export function resolveSpec(spec: StudySpec): ResolvedSpec {
  const result = specSchema.safeParse(spec);
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    throw new AppError('SPEC_INVALID', { line: 0, path: formatKeys(path, root), problem: message });
  }
  const { space, budgetMs, budgetFraction, minutes, search, evolution, train, ...rest } = result.data;
  const planned = minutes !== null;
  return {
    ...rest,
    space: resolveSpace(space),
    budgetMs,
    budgetFraction: budgetMs === null ? (budgetFraction ?? defaultBudgetFraction) : null,
    minutes,
    search: { ...search, steps: search.steps ?? (planned ? null : defaultSteps.search) },
    evolution: {
      ...evolution,
      cells: evolution.cells && resolveCells(evolution.cells),
      evaluations: evolution.evaluations ?? (planned ? null : defaultSteps.evaluations),
    },
    train: { ...train, steps: train.steps ?? (planned || train.epochs !== null ? null : defaultSteps.train) },
  };
}

/** The YAML of a resolved specification; reading it gives the same specification. */
export function writeSpec(spec: ResolvedSpec): string {
  return stringify(spec);
}

function specError(problem: YamlProblem): AppError {
  const { line, path } = problem;
  if (problem.kind === 'invalid')
    return new AppError('SPEC_INVALID', { line, path: formatKeys(path, root), problem: problem.problem });
  const section = path.length === 0 ? root : `"${formatKeys(path, root)}"`;
  return new AppError('SPEC_KEY_UNKNOWN', { line, key: problem.key, section, nearest: problem.nearest });
}
