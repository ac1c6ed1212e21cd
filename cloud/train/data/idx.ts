/** IDX, the format of MNIST and its family: a folder with {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or .gz. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Samples, SourceData } from './source.js';

const prefixes = { train: 'train', test: 't10k' } as const;

/** Whether a folder holds IDX files. */
export function isIdxFolder(names: readonly string[]): boolean {
  return names.some((name) => /^train-images[-.]idx3-ubyte(\.gz)?$/.test(name));
}

/** Reads an IDX folder; classes are named by their digits. Throws `DATA_ARCHIVE_DAMAGED`, `DATA_ONE_CLASS`. */
export async function readIdxFolder(path: string): Promise<SourceData> {
  const train = await readPart(path, prefixes.train);
  const test = await readPart(path, prefixes.test);
  const classCount = train.labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  if (classCount < 2) throw new AppError('DATA_ONE_CLASS', { path, name: '0' });
  return {
    name: basename(path),
    classes: Array.from({ length: classCount }, (_, label) => String(label)),
    height: train.height,
    width: train.width,
    channels: 1,
    train,
    test,
  };
}

async function readPart(folder: string, prefix: string): Promise<Samples & { height: number; width: number }> {
  const images = await readIdx(folder, `${prefix}-images`, 3);
  const labels = await readIdx(folder, `${prefix}-labels`, 1);
  const [count, height, width] = images.sizes as [number, number, number];
  if (labels.sizes[0] !== count) {
    throw new AppError('DATA_ARCHIVE_DAMAGED', {
      path: folder,
      problem: `${prefix} has ${count} images but ${labels.sizes[0]} labels`,
    });
  }
  return { images: images.bytes, labels: Uint16Array.from(labels.bytes), height, width };
}

/** Big-endian header: 0, 0, type (8 = uint8), rank, then one uint32 per axis. */
async function readIdx(folder: string, stem: string, rank: number): Promise<{ sizes: number[]; bytes: Uint8Array }> {
  const candidates = ['-', '.'].flatMap((mark) =>
    ['', '.gz'].map((end) => join(folder, `${stem}${mark}idx${rank}-ubyte${end}`)),
  );
  const path = candidates.find((candidate) => existsSync(candidate));
  const damaged = (problem: string): never => {
    throw new AppError('DATA_ARCHIVE_DAMAGED', { path: path ?? candidates[0]!, problem });
  };
  if (path === undefined) return damaged('it is missing');
  let bytes = await readFile(path);
  try {
    if (path.endsWith('.gz')) bytes = gunzipSync(bytes);
  } catch (cause) {
    return damaged((cause as Error).message);
  }
  const headerSize = 4 + 4 * rank;
  if (bytes.length < headerSize || bytes[2] !== 8 || bytes[3] !== rank)
    return damaged(`it is no IDX file of uint8 in ${rank} dimensions`);
  const sizes = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const expected = headerSize + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) return damaged(`it should have ${expected} bytes, but has ${bytes.length}`);
  return { sizes, bytes: bytes.subarray(headerSize) };
}
