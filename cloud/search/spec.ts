/**
 * The study's specification: what people write in YAML, with every default filled in when it is resolved.
 *
 * An error names the line. Unknown keys are errors, because a misspelt key that is ignored is a study of something else.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Document, isMap, isScalar, LineCounter, parseDocument, stringify } from 'yaml';
import type { z } from 'zod';
import { defaultStepCount } from '../train/recipe-presets.js';
import { resolveCells } from './eeea/cell-presets.js';
import { resolveSpace } from './presets.js';
import { nearestKey, objectSchemaAt } from './spec-keys.js';
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

/** Steps and evaluations of a study that gives neither minutes nor them. */
const defaultSteps = { search: 2000, evaluations: 400, train: defaultStepCount } as const;

/**
 * Reads a specification from YAML. Throws `SPEC_KEY_UNKNOWN` with the line and the nearest valid key, `SPEC_INVALID`
 * with the line, the path and what was expected.
 */
export function parseSpec(yaml: string): StudySpec {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const problem = `not YAML: ${broken.message.split('\n')[0]}`;
    throw new AppError('SPEC_INVALID', { line: lines.linePos(broken.pos[0]).line, path: '$', problem });
  }
  const value: unknown = document.toJS();
  const result = specSchema.safeParse(value);
  if (!result.success) throw specError(result.error.issues[0]!, document, lines);
  return value as StudySpec;
}

/** Fills every default in. Throws `SPEC_INVALID` (line 0: an object has no lines). */
export function resolveSpec(spec: StudySpec): ResolvedSpec {
  const result = specSchema.safeParse(spec);
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    throw new AppError('SPEC_INVALID', { line: 0, path: formatKeys(path), problem: message });
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

function specError(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): AppError {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    const valid = Object.keys(objectSchemaAt(specSchema, issue.path).shape);
    const section = issue.path.length === 0 ? 'the specification' : `"${formatKeys(issue.path)}"`;
    const line = lineOf(document, lines, [...issue.path, key]);
    return new AppError('SPEC_KEY_UNKNOWN', { line, key, section, nearest: nearestKey(key, valid) });
  }
  const path = issue.path;
  return new AppError('SPEC_INVALID', {
    line: lineOf(document, lines, path),
    path: formatKeys(path),
    problem: issue.message,
  });
}

/** Line of the key (or list item) at `path`, or of what is nearest above it. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1]!;
    const node = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === last)?.key
      : document.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range) return lines.linePos(range[0]!).line;
  }
  return 1;
}

function formatKeys(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '') || 'the specification';
}
