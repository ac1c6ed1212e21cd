import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTextFile, readTextIfThere, replaceFile } from '@bespoke/cloud/train/files.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.js';

describe('readTextFile', () => {
  it('names the file that cannot be read', async () => {
    const path = join(temporaryFolder(), 'notes.yaml');
    await expect(readTextFile(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE', details: { path } });
    writeFileSync(path, 'a: 1');
    expect(await readTextFile(path)).toBe('a: 1');
  });
});

describe('readTextIfThere', () => {
  it('is undefined where there is no file, and fails on what is none', async () => {
    const folder = temporaryFolder();
    expect(await readTextIfThere(join(folder, 'nothing'))).toBeUndefined();
    await expect(readTextIfThere(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

describe('replaceFile', () => {
  it('makes the folders above, and leaves nothing but the file', async () => {
    const folder = join(temporaryFolder(), 'a', 'b');
    await replaceFile(join(folder, 'text'), 'one');
    await replaceFile(join(folder, 'text'), 'two');
    expect(await readTextIfThere(join(folder, 'text'))).toBe('two');
    expect(readdirSync(folder)).toEqual(['text']);
  });
});
