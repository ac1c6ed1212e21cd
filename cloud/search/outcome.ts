/** Outcomes of a study's phases: JSON files in its folder that are there whole or not at all. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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

/** The outcome `name` of the study in `directory`: read where it stands, else made and written. */
export async function outcome<T>(directory: string, name: string, make: () => Promise<T>): Promise<T> {
  const path = join(directory, `${name}.json`);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text !== null) return JSON.parse(text) as T;
  const value = await make();
  await replaceFile(path, JSON.stringify(value));
  return value;
}
