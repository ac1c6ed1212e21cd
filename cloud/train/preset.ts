/** Presets: many keys said by one word. What a person writes beside the word stands over what it means. */

/** `value` with the keys of its preset filled in below its own; a string is the name of a preset. What is no preset is left to the schema. */
export function withPreset(presets: Readonly<Record<string, object>>, value: unknown): unknown {
  const own = typeof value === 'string' ? { preset: value } : value;
  if (!isRecord(own)) return own;
  const preset = presets[own.preset as string];
  return preset === undefined ? own : below(preset, own);
}

/** Keys of `own` before those of `base`, section by section. */
function below(base: object, own: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    const under = merged[key];
    merged[key] = isRecord(under) && isRecord(value) ? below(under, value) : value;
  }
  return merged;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
