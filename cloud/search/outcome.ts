/** Outcomes of a study's phases: JSON files in its folder that are there whole or not at all. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../train/files.js';

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
