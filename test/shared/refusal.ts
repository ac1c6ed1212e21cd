/** What tests of rejections share: spoil one field of a legal value, and hear what the failure says. */
import { isAppError } from '@bespoke/shared/base/errors.js';

/** A copy of `value`, as it would come from a file, whose field at `path` is `field`; undefined removes it. */
export function spoiled(value: unknown, path: readonly (string | number)[], field: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(value));
  const parent = path.slice(0, -1).reduce((inner, key) => inner[key], copy);
  parent[path.at(-1)!] = field;
  return JSON.parse(JSON.stringify(copy));
}

/** `CODE: message` of the AppError that `run` throws. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isAppError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no refusal';
}
