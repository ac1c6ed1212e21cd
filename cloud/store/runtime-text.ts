/** Runtime keys as the store writes them, and back. There are few of them, in every row of jobs, blocks and measurements. */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';

const texts = new WeakMap<RuntimeKey, string>();
/** What agents do not offer never gets into a row; these are as many as there are runtimes in the database. */
const keys = new Map<string, RuntimeKey>();

/** Its canonical JSON. */
export function runtimeText(key: RuntimeKey): string {
  const text = texts.get(key) ?? canonicalJson(key);
  texts.set(key, text);
  return text;
}

/** The key of a text that `runtimeText` gave; always the same object. */
export function runtimeOf(text: string): RuntimeKey {
  const key = keys.get(text) ?? (JSON.parse(text) as RuntimeKey);
  keys.set(text, key);
  return key;
}
