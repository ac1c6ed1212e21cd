/** Which keys a zod schema knows at a path, and which of them a misspelt one is nearest to. */
import { z } from 'zod';

/** The object schema at `path` of `schema`, seen through defaults, nulls, preprocessing and lists. */
export function objectSchemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.ZodObject {
  const [key, ...rest] = path;
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return objectSchemaAt(inner.element, rest);
  if (!(inner instanceof z.ZodObject)) throw new TypeError(`no object in the schema at ${path.map(String).join('.')}`);
  return key === undefined ? inner : objectSchemaAt(inner.shape[String(key)] as z.core.$ZodType, rest);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPipe) return unwrap(schema.out);
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional
  ) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

/** The candidate that takes the fewest edits to become `key`, case aside; the first of equals. */
export function nearestKey(key: string, candidates: readonly string[]): string {
  const distances = candidates.map((candidate) => editDistance(key.toLowerCase(), candidate.toLowerCase()));
  return candidates[distances.indexOf(Math.min(...distances))]!;
}

/** Levenshtein: insertions, deletions and substitutions that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
