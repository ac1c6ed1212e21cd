/** The file with a training host's token: made once, so that a host that is started again is the same to its coordinators. Only its owner may read it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { isToken, newToken } from './host-proof.js';

/** The token in the file; a new one where there is no file. Throws `FILE_UNREADABLE`. */
export function keepToken(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, `${newToken()}\n`, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unreadable(path, (cause as Error).message);
  }
  return readToken(path, 'delete it, and a new one is made');
}

/** The token in a file of either side. Throws `FILE_UNREADABLE`. */
export function readToken(path: string, remedy: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw unreadable(path, (cause as Error).message);
  }
  if (isToken(text)) return text;
  throw unreadable(path, `it does not hold a token; ${remedy}`);
}

function unreadable(path: string, problem: string): AppError {
  return new AppError('FILE_UNREADABLE', { path, problem });
}
