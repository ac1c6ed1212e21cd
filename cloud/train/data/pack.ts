/**
 * Packs any source into a PackedDataset: finds what the source is, holds the search split out, measures mean and
 * deviation, writes. A source that was packed before with the same options is read back at once.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { cifarOf, readCifarArchive, readCifarByName, readCifarFolder } from './cifar.js';
import { holdOut } from './hold-out.js';
import { isIdxFolder, readIdxFolder } from './idx.js';
import { readImageFolder, readImageZip } from './images.js';
import {
  type DatasetManifest,
  type PackedDataset,
  readManifest,
  readPacked,
  type Split,
  splits,
  writePacked,
} from './packed.js';
import { resized } from './resize.js';
import type { PackProgress, Samples, SourceData, SourceOptions } from './source.js';
import { drawSynthetic } from './synthetic.js';

export interface PackOptions {
  /** Resize every image to this height and width; needed where their sizes differ. */
  readonly resolution?: number | undefined;
  /** Share of every class of the train part that is held out for the search, 0..1 (excluded); 0.1 if absent. */
  readonly searchShare?: number | undefined;
  /** Share of every class that becomes the test split where the source has none; 0.2 if absent. */
  readonly testShare?: number | undefined;
  /** Of the held-out draws and of synthetic samples; 0 if absent. */
  readonly seed?: number | undefined;
}

/** Raise it when a change here packs the same source differently, so that old files are not reused. */
const packerVersion = 2;

interface Source {
  /** What tells a changed source from an unchanged one. */
  readonly identity: unknown;
  read(options: SourceOptions): Promise<SourceData>;
}

/**
 * Packs `source` (a path, or `cifar10`, `cifar100`, `synthetic`) into a folder of its own below `outDirectory`; reads it from
 * there when neither source nor options changed. Throws `DATA_*`.
 */
export async function packDataset(
  source: string,
  outDirectory: string,
  options: PackOptions = {},
  onProgress?: (progress: PackProgress) => void,
): Promise<PackedDataset> {
  const { resolution, searchShare = 0.1, testShare = 0.2, seed = 0 } = options;
  const found = await findSource(source, outDirectory, seed);
  const key = hashJson([packerVersion, found.identity, { resolution, searchShare, testShare, seed }]);
  const directory = join(outDirectory, `${basename(source).replace(/[^A-Za-z0-9_-]+/g, '-')}-${key.slice(0, 12)}`);
  if (existsSync(join(directory, 'manifest.json'))) return readPacked(directory);

  const wanted = { resolution, onProgress };
  const data = await resized(await found.read(wanted), wanted);
  const parts = partition(source, data, { searchShare, testShare, seed });
  const images = Buffer.concat(splits.map((split) => parts[split].images));
  const labels = Uint16Array.from(splits.flatMap((split) => [...parts[split].labels]));
  const manifest: Omit<DatasetManifest, 'sha256'> = {
    version: 1,
    name: data.name,
    classes: data.classes,
    height: data.height,
    width: data.width,
    channels: data.channels,
    counts: { train: parts.train.labels.length, search: parts.search.labels.length, test: parts.test.labels.length },
    ...measurePixels(parts.train.images, data.channels),
  };
  return writePacked(directory, manifest, images, labels);
}

/** The data sets packed below `outDirectory`, by folder name. Throws `DATA_PACKED_INVALID` for a broken one. */
export async function listPacked(outDirectory: string): Promise<{ directory: string; manifest: DatasetManifest }[]> {
  if (!existsSync(outDirectory)) return [];
  const directories = (await readdir(outDirectory)).sort().map((name) => join(outDirectory, name));
  const packed = directories.filter(
    (directory) => existsSync(join(directory, 'manifest.json')) && !directory.endsWith('.tmp'),
  );
  return Promise.all(packed.map(async (directory) => ({ directory, manifest: await readManifest(directory) })));
}

async function findSource(source: string, outDirectory: string, seed: number): Promise<Source> {
  if (source === 'synthetic') return { identity: source, read: async (options) => drawSynthetic(seed, options) };
  if (source === 'cifar10' || source === 'cifar100') {
    return { identity: source, read: (options) => readCifarByName(source, join(outDirectory, 'downloads'), options) };
  }
  const path = resolve(source);
  if (!existsSync(path)) throw new AppError('DATA_NOT_FOUND', { source });
  const info = await stat(path);
  if (info.isDirectory()) return findFolder(path);
  const identity = [path, info.size, info.mtimeMs];
  if (/\.zip$/i.test(path)) return { identity, read: (options) => readImageZip(path, options) };
  if (/\.(tar\.gz|tgz)$/i.test(path)) return { identity, read: () => readCifarArchive(path) };
  throw new AppError('DATA_FORMAT_UNKNOWN', { source, problem: 'it is a file that is neither .zip nor .tar.gz' });
}

async function findFolder(path: string): Promise<Source> {
  const names = await readdir(path);
  const identity = await identifyFolder(path);
  if (cifarOf(names)) return { identity, read: () => readCifarFolder(path) };
  if (isIdxFolder(names)) return { identity, read: () => readIdxFolder(path) };
  return { identity, read: (options) => readImageFolder(path, options) };
}

/** Path, count of files, their size together, the last change. */
async function identifyFolder(path: string): Promise<unknown> {
  let fileCount = 0;
  let byteCount = 0;
  let changedMs = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    const info = await stat(join(entry.parentPath, entry.name));
    changedMs = Math.max(changedMs, info.mtimeMs);
    if (!entry.isFile()) continue;
    fileCount++;
    byteCount += info.size;
  }
  return [path, fileCount, byteCount, changedMs];
}

type Shares = { readonly [K in 'searchShare' | 'testShare' | 'seed']: number };

/** The three splits, from what the source has: a missing test part, then a missing search part, are held out of train. */
function partition(
  source: string,
  data: SourceData,
  { searchShare, testShare, seed }: Shares,
): { [S in Split]: Samples } {
  for (const [split, part] of Object.entries({ train: data.train, test: data.test, validation: data.validation })) {
    if (part && part.labels.length === 0) throw new AppError('DATA_NO_IMAGES', { path: `${source} (${split})` });
  }
  const size = data.height * data.width * data.channels;
  const [rest, test] = data.test ? [data.train, data.test] : holdOut(data, data.train, size, testShare, [seed, 'test']);
  const [train, search] = data.validation
    ? [rest, data.validation]
    : holdOut(data, rest, size, searchShare, [seed, 'search']);
  return { train, search, test };
}

/** Mean and standard deviation per channel, of pixels scaled to 0..1. A constant channel gets deviation 1. */
function measurePixels(images: Uint8Array, channels: number): { mean: number[]; deviation: number[] } {
  const mean: number[] = [];
  const deviation: number[] = [];
  const count = images.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    let squares = 0;
    for (let at = channel; at < images.length; at += channels) {
      const value = images[at]!;
      sum += value;
      squares += value * value;
    }
    mean.push(sum / count / 255);
    const variance = squares / count - (sum / count) ** 2;
    deviation.push(variance > 1e-9 ? Math.sqrt(variance) / 255 : 1);
  }
  return { mean, deviation };
}
