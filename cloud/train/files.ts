/** Files that are there whole or not at all, files that may not be there, and files that a user names. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';

/** A text that a user names. Throws `FILE_UNREADABLE`. */
export function readTextFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw new AppError('FILE_UNREADABLE', { path, problem: cause.message }, { cause });
  });
}

/** A text of our own, undefined where there is no such file. */
export function readTextIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Writes bytes under another name, flushes, renames into place: a kill at any moment leaves the old file or the new one. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
