/**
 * CIFAR-10 and CIFAR-100 in their binary form (Krizhevsky 2009): the archive, its unpacked folder, or by name.
 *
 * A record is its label (CIFAR-100: coarse, then fine) and 32x32 pixels, all red, all green, all blue.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Samples, SourceData, SourceOptions } from './source.js';
import { readTarGz } from './tar.js';

interface Variant {
  readonly url: string;
  /** MD5 of the archive, as its authors publish it at cs.toronto.edu/~kriz/cifar.html. */
  readonly md5: string;
  readonly trainFiles: readonly string[];
  readonly testFile: string;
  readonly classFile: string;
  readonly labelBytes: 1 | 2;
}

const variants = {
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
    trainFiles: [1, 2, 3, 4, 5].map((index) => `data_batch_${index}.bin`),
    testFile: 'test_batch.bin',
    classFile: 'batches.meta.txt',
    labelBytes: 1,
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
    trainFiles: ['train.bin'],
    testFile: 'test.bin',
    classFile: 'fine_label_names.txt',
    labelBytes: 2,
  },
} as const satisfies Record<string, Variant>;

export type CifarName = keyof typeof variants;

const side = 32;
const pixelCount = side * side;

/** Whether a folder holds CIFAR's binary files. */
export function cifarOf(names: readonly string[]): CifarName | undefined {
  return (Object.keys(variants) as CifarName[]).find((name) => names.includes(variants[name].testFile));
}

/** Reads CIFAR by name; the archive is kept in `downloads`, and fetched where it is not there yet. Throws `DATA_*`. */
export async function readCifarByName(name: CifarName, downloads: string, options: SourceOptions): Promise<SourceData> {
  const { url, md5 } = variants[name];
  const path = join(downloads, url.split('/').at(-1)!);
  if (!existsSync(path)) await download(url, path, options);
  const got = createHash('md5')
    .update(await readFile(path))
    .digest('hex');
  if (got !== md5) throw new AppError('DATA_HASH_MISMATCH', { path, expected: md5, got });
  return readCifarArchive(path);
}

/** Throws `DATA_ARCHIVE_DAMAGED`, `DATA_FORMAT_UNKNOWN`. */
export async function readCifarArchive(path: string): Promise<SourceData> {
  return readCifar(path, await readTarGz(path));
}

/** Throws `DATA_ARCHIVE_DAMAGED`, `DATA_FORMAT_UNKNOWN`. */
export async function readCifarFolder(path: string): Promise<SourceData> {
  const names = (await readdir(path)).filter((name) => /\.(bin|txt)$/.test(name));
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(path, name))] as const));
  return readCifar(path, new Map(files));
}

function readCifar(source: string, files: ReadonlyMap<string, Buffer>): SourceData {
  const name = cifarOf([...files.keys()]);
  if (!name)
    throw new AppError('DATA_FORMAT_UNKNOWN', {
      source,
      problem: 'it holds neither test_batch.bin nor test.bin of CIFAR',
    });
  const variant: Variant = variants[name];
  const file = (fileName: string) => files.get(fileName) ?? missing(source, `${fileName} is missing`);
  const classes = file(variant.classFile)
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const parse = (fileNames: readonly string[]) => {
    const bytes = Buffer.concat(fileNames.map(file));
    return (
      parseRecords(bytes, variant.labelBytes, classes.length) ?? missing(source, `${fileNames[0]} is cut or damaged`)
    );
  };
  return {
    name,
    classes,
    height: side,
    width: side,
    channels: 3,
    train: parse(variant.trainFiles),
    test: parse([variant.testFile]),
  };
}

/** Planes to pixels; undefined where the bytes are no whole number of legal records. */
function parseRecords(bytes: Buffer, labelBytes: number, classCount: number): Samples | undefined {
  const recordSize = labelBytes + 3 * pixelCount;
  if (bytes.length === 0 || bytes.length % recordSize !== 0) return undefined;
  const count = bytes.length / recordSize;
  const images = new Uint8Array(count * 3 * pixelCount);
  const labels = new Uint16Array(count);
  for (let index = 0; index < count; index++) {
    const start = index * recordSize + labelBytes;
    labels[index] = bytes[start - 1]!;
    if (labels[index]! >= classCount) return undefined;
    let to = index * 3 * pixelCount;
    for (let pixel = start; pixel < start + pixelCount; pixel++) {
      images[to++] = bytes[pixel]!;
      images[to++] = bytes[pixel + pixelCount]!;
      images[to++] = bytes[pixel + 2 * pixelCount]!;
    }
  }
  return { images, labels };
}

async function download(url: string, path: string, options: SourceOptions): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.part`;
  const file = await open(partial, 'w');
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_800_000) });
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    const total = Number(response.headers.get('content-length') ?? 0);
    let done = 0;
    for await (const chunk of response.body) {
      await file.write(chunk);
      done += chunk.length;
      options.onProgress?.({ what: 'bytes', done, total });
    }
  } catch (cause) {
    const { message, cause: deeper } = cause as Error;
    const problem = deeper instanceof Error ? `${message}: ${deeper.message}` : message;
    throw new AppError('DATA_DOWNLOAD_FAILED', { url, problem, path }, { cause });
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

function missing(path: string, problem: string): never {
  throw new AppError('DATA_ARCHIVE_DAMAGED', { path, problem });
}
