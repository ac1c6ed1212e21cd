/** Outcomes of a study's phases: JSON files in its folder that are there whole or not at all. */
import { join } from 'node:path';
import { readTextIfThere, replaceFile } from '../train/files.js';

/** The outcome `name` of the study in `directory`: read where it stands, else made and written. */
export async function outcome<T>(directory: string, name: string, make: () => Promise<T>): Promise<T> {
  const path = join(directory, `${name}.json`);
  const text = await readTextIfThere(path);
  if (text !== undefined) return JSON.parse(text) as T;
  const value = await make();
  await replaceFile(path, JSON.stringify(value));
  return value;
}
