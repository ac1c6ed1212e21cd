import { readFileSync } from 'node:fs';
import { specSchema } from '@bespoke/cloud/search/spec-schema.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** All keys at any depth, without those above them. */
function keysOf({ properties = {}, items, anyOf = [] }: JsonSchema): string[] {
  const below = [...Object.values(properties), ...(items ? [items] : []), ...anyOf];
  return [...Object.keys(properties), ...below.flatMap(keysOf)];
}

describe('specSchema', () => {
  it('has no key that docs/search.md does not name', () => {
    const page = readFileSync(new URL('../../../docs/search.md', import.meta.url), 'utf8');
    const settings = page.slice(page.indexOf('## Settings'), page.indexOf('## Stopping and going on'));
    const named = new Set([...settings.matchAll(/[A-Za-z]+/g)].map(([word]) => word));
    const keys = keysOf(z.toJSONSchema(specSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema);
    expect(keys).toContain('memoryMB');
    expect(keys.length).toBeGreaterThan(60);
    expect(keys.filter((key) => !named.has(key))).toEqual([]);
  });
});
