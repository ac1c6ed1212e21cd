/** Files that go from one machine to the other in pieces: who wants one asks for piece after piece, and has it under its name only when it is whole and has its hash. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { SavedFile } from '../stage-messages.js';
import { hostLimits } from './host-messages.js';

/** Gives the bytes of the wanted file from `offset` on: as many as a piece may have, or the rest. */
export type Pull = (offset: number) => Promise<Uint8Array>;

/** Fetches a file to `path`, whole or not at all, flushed. Throws `DATA_HASH_MISMATCH`, `MESSAGE_INVALID`, and what `pull` throws. */
export async function fetchFile(path: string, { sha256, byteCount }: SavedFile, pull: Pull): Promise<void> {
  const hash = createHash('sha256');
  const file = await open(`${path}.part`, 'w');
  try {
    for (let offset = 0; offset < byteCount; ) {
      const piece = await pull(offset);
      const expected = Math.min(hostLimits.pieceBytes, byteCount - offset);
      if (piece.length !== expected)
        throw new AppError('MESSAGE_INVALID', {
          path: 'piece',
          problem: `expected ${expected} bytes from ${offset} on, but got ${piece.length}`,
        });
      hash.update(piece);
      await file.writeFile(piece);
      offset += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const got = hash.digest('hex');
  if (got !== sha256) throw new AppError('DATA_HASH_MISMATCH', { path, expected: sha256, got });
  await rename(`${path}.part`, path);
}

/** The piece of a file from `offset` on. */
export async function readPiece(path: string, offset: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const piece = new Uint8Array(hostLimits.pieceBytes);
    const { bytesRead } = await file.read(piece, 0, piece.length, offset);
    return piece.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

export async function identifyFile(path: string): Promise<SavedFile> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return { sha256: hash.digest('hex'), byteCount: (await stat(path)).size };
}
