import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isToken } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import { keepToken } from '@bespoke/cloud/train/gpipe/remote/host-token.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../support/folder.js';

describe('keepToken', () => {
  it('makes a token once, for its owner alone', () => {
    const path = join(temporaryFolder(), 'deep', 'token');
    const token = keepToken(path);
    expect(isToken(token)).toBe(true);
    expect(keepToken(path)).toBe(token);
    expect(readFileSync(path, 'utf8')).toBe(`${token}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('refuses a file that holds something else', () => {
    const path = join(temporaryFolder(), 'token');
    writeFileSync(path, 'hunter2');
    expect(() => keepToken(path)).toThrow(`${path}, but: it does not hold a token; delete it, and a new one is made`);
  });
});
