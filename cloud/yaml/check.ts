/** YAML that people write, held to a zod schema: the first thing that is wrong, with its line. Unknown keys are wrong, because a misspelt key that is ignored means something else. */
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { nearestKey, objectSchemaAt } from './keys.js';

export type YamlProblem = { readonly line: number; readonly path: readonly PropertyKey[] } & (
  | { readonly kind: 'invalid'; readonly problem: string }
  /** A key of the object at `path` that the schema does not have. */
  | { readonly kind: 'unknown-key'; readonly key: string; readonly nearest: string }
);

export type CheckedYaml<S extends z.ZodType> =
  | { readonly value: z.output<S>; readonly given: z.input<S> }
  | { readonly problem: YamlProblem };

/** What `text` says: with the schema's defaults as `value`, as it was written as `given`. */
export function checkYaml<S extends z.ZodType>(text: string, schema: S): CheckedYaml<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const problem = `not YAML: ${broken.message.split('\n')[0]}`;
    return { problem: { kind: 'invalid', line: lines.linePos(broken.pos[0]).line, path: ['$'], problem } };
  }
  const given: unknown = document.toJS();
  const result = schema.safeParse(given);
  if (result.success) return { value: result.data, given: given as z.input<S> };
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!; // a misspelt key is missing, too
  return { problem: problemOf(issue, schema, (path) => lineOf(document, lines, path)) };
}

/** A path as people read it: `search.steps`, `stages[1]`; `root` where it is empty. */
export function formatKeys(path: readonly PropertyKey[], root: string): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '') || root;
}

function problemOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  lineAt: (path: readonly PropertyKey[]) => number,
): YamlProblem {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys') return { kind: 'invalid', line: lineAt(path), path, problem: issue.message };
  const key = issue.keys[0]!;
  const nearest = nearestKey(key, Object.keys(objectSchemaAt(schema, path).shape));
  return { kind: 'unknown-key', line: lineAt([...path, key]), path, key, nearest };
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
