/** Reads .tar.gz archives of plain files (ustar), whole, into memory: what CIFAR comes as. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { AppError } from '@bespoke/shared/base/errors.js';

const blockSize = 512;

/** The files of the archive by their base name. Throws `DATA_ARCHIVE_DAMAGED`. */
export async function readTarGz(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const tar = await promisify(gunzip)(await readFile(path)).catch((cause: Error) => damaged(path, cause.message));
  const files = new Map<string, Buffer>();
  for (let at = 0; at + blockSize <= tar.length && tar[at] !== 0; ) {
    const name = text(tar, at, 100);
    const size = Number.parseInt(text(tar, at + 124, 12), 8);
    const isFile = tar[at + 156] === 0 || tar[at + 156] === 0x30;
    if (!Number.isFinite(size) || at + blockSize + size > tar.length) damaged(path, `it ends inside ${name}`);
    if (isFile) files.set(name.split('/').at(-1)!, tar.subarray(at + blockSize, at + blockSize + size));
    at += blockSize + Math.ceil(size / blockSize) * blockSize;
  }
  return files;
}

function text(tar: Buffer, at: number, length: number): string {
  return tar
    .toString('latin1', at, at + length)
    .split('\0')[0]!
    .trim();
}

function damaged(path: string, problem: string): never {
  throw new AppError('DATA_ARCHIVE_DAMAGED', { path, problem });
}
