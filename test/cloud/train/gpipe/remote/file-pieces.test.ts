import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchFile, identifyFile, readPiece } from '@bespoke/cloud/train/gpipe/remote/file-pieces.js';
import { hostLimits } from '@bespoke/cloud/train/gpipe/remote/host-messages.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../support/folder.js';

/** A file of two whole pieces and a rest, or of `byteCount` bytes. */
function fileOf(byteCount = 2 * hostLimits.pieceBytes + 5): { path: string; bytes: Buffer; folder: string } {
  const folder = temporaryFolder();
  const path = join(folder, 'source');
  const bytes = Buffer.from(Uint8Array.from({ length: byteCount }, (_, index) => index % 251));
  writeFileSync(path, bytes);
  return { path, bytes, folder };
}

describe('fetchFile', () => {
  it.each([0, 1, hostLimits.pieceBytes, 2 * hostLimits.pieceBytes + 5])('brings %i bytes', async (byteCount) => {
    const { path, bytes, folder } = fileOf(byteCount);
    const offsets: number[] = [];
    await fetchFile(join(folder, 'copy'), await identifyFile(path), (offset) => {
      offsets.push(offset);
      return readPiece(path, offset);
    });
    expect(readFileSync(join(folder, 'copy')).equals(bytes)).toBe(true);
    expect(offsets).toHaveLength(Math.ceil(byteCount / hostLimits.pieceBytes));
    expect(readdirSync(folder).sort()).toEqual(['copy', 'source']);
  });

  it('leaves nothing under the name when a byte is wrong, a piece short, or the other side gone', async () => {
    const { path, folder } = fileOf();
    const wanted = await identifyFile(path);
    const copy = join(folder, 'copy');
    const flipped = async (offset: number) => (await readPiece(path, offset)).map((byte) => byte ^ 1);
    await expect(fetchFile(copy, wanted, flipped)).rejects.toMatchObject({ code: 'DATA_HASH_MISMATCH' });
    const short = async (offset: number) => (await readPiece(path, offset)).subarray(1);
    await expect(fetchFile(copy, wanted, short)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    const lost = (offset: number) => (offset === 0 ? readPiece(path, 0) : Promise.reject(new Error('gone')));
    await expect(fetchFile(copy, wanted, lost)).rejects.toThrow('gone');
    expect(existsSync(copy)).toBe(false);
  });
});

describe('identifyFile', () => {
  it('gives the hash and the size', async () => {
    const { path, bytes } = fileOf();
    expect(await identifyFile(path)).toEqual({
      sha256: createHash('sha256').update(bytes).digest('hex'),
      byteCount: bytes.length,
    });
  });
});
