/**
 * PackedDataset: a data set packed once into one file that any engine can read.
 *
 *   <directory>/manifest.json   names, sizes, splits, normalization, hash of data.bin
 *   <directory>/data.bin        all images uint8 [count, height, width, channels], then all labels uint16 little-endian [count]
 *
 * Samples stand in split order: train, search, test. `search` is held out of the user's *train* part for the search
 * (class-balanced, seeded); `test` is touched once, at the end.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { z } from 'zod';

export const splits = ['train', 'search', 'test'] as const;
export type Split = (typeof splits)[number];

export interface DatasetManifest {
  readonly version: 1;
  readonly name: string;
  readonly classes: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** How many samples each split has. */
  readonly counts: { readonly [S in Split]: number };
  /** Per channel, of split `train`, on pixels scaled to 0..1. An engine feeds (pixel / 255 - mean) / deviation. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** SHA-256 of data.bin, 64 hex digits: the identity of the data set. */
  readonly sha256: string;
}

export interface PackedDataset {
  readonly directory: string;
  readonly manifest: DatasetManifest;
  /** [count, height, width, channels] of all splits, in split order. */
  readonly images: Uint8Array;
  readonly labels: Uint16Array;
}

/** Of one label. */
const bytesPerLabel = 2;

const count = z.number().int().min(0);
const size = z.number().int().min(1).max(4096);
export const manifestSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1),
  classes: z.array(z.string().min(1)).min(2).max(65_536),
  height: size,
  width: size,
  channels: z.union([z.literal(1), z.literal(3)]),
  counts: z.strictObject({ train: count, search: count, test: count }),
  mean: z.array(z.number()).min(1).max(3),
  deviation: z.array(z.number().positive()).min(1).max(3),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
}) satisfies z.ZodType<DatasetManifest>;

/** Where a split lies among the samples: [first, first + count). */
export function splitRange(manifest: DatasetManifest, split: Split): { first: number; count: number } {
  const before = splits.slice(0, splits.indexOf(split));
  return { first: before.reduce((sum, name) => sum + manifest.counts[name], 0), count: manifest.counts[split] };
}

function sampleCountOf({ counts }: DatasetManifest): number {
  return splits.reduce((sum, split) => sum + counts[split], 0);
}

/** How many numbers one image has. */
export function imageSize({ height, width, channels }: DatasetManifest): number {
  return height * width * channels;
}

/** How many bytes data.bin has. */
export function packedByteCount(manifest: DatasetManifest): number {
  return sampleCountOf(manifest) * (imageSize(manifest) + bytesPerLabel);
}

/** Reads a packed data set and checks its manifest and size; its hash only where `verifyPacked` asks. Throws `DATA_PACKED_INVALID`. */
export async function readPacked(directory: string): Promise<PackedDataset> {
  const manifest = await readManifest(directory);
  const path = join(directory, 'data.bin');
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new AppError('DATA_PACKED_INVALID', { path, problem: cause.message }, { cause });
  });
  const samples = sampleCountOf(manifest);
  const pixels = samples * imageSize(manifest);
  const expected = packedByteCount(manifest);
  if (bytes.length !== expected) {
    throw new AppError('DATA_PACKED_INVALID', {
      path,
      problem: `it should have ${expected} bytes, but has ${bytes.length}`,
    });
  }
  const labels = new Uint16Array(samples);
  for (let index = 0; index < samples; index++) labels[index] = bytes.readUInt16LE(pixels + index * bytesPerLabel);
  return { directory, manifest, images: bytes.subarray(0, pixels), labels };
}

/** The manifest of a packed data set alone. Throws `DATA_PACKED_INVALID`. */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  const path = join(directory, 'manifest.json');
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new AppError('DATA_PACKED_INVALID', { path, problem }, { cause });
  }
}

/** Throws `DATA_HASH_MISMATCH` unless the samples are those that were packed. */
export function verifyPacked({ directory, manifest, images, labels }: PackedDataset): void {
  const got = hashSamples(images, littleEndian(labels));
  if (got !== manifest.sha256) {
    throw new AppError('DATA_HASH_MISMATCH', { path: join(directory, 'data.bin'), expected: manifest.sha256, got });
  }
}

/** Writes a packed data set; `directory` appears whole or not at all, and replaces another that was there. Several processes may do so at once. */
export async function writePacked(
  directory: string,
  manifest: Omit<DatasetManifest, 'sha256'>,
  images: Uint8Array,
  labels: Uint16Array,
): Promise<PackedDataset> {
  const labelBytes = littleEndian(labels);
  const complete: DatasetManifest = { ...manifest, sha256: hashSamples(images, labelBytes) };
  const temporary = `${directory}.${randomUUID()}.tmp`;
  await mkdir(temporary, { recursive: true });
  const file = await open(join(temporary, 'data.bin'), 'w');
  try {
    await file.writeFile(images);
    await file.writeFile(labelBytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await writeFile(join(temporary, 'manifest.json'), `${JSON.stringify(complete, null, 2)}\n`);
  await place(temporary, directory, complete);
  return { directory, manifest: complete, images, labels };
}

/** Makes `temporary` the folder of this name. What is the same stays as it is, for another process may be reading it. */
async function place(temporary: string, directory: string, manifest: DatasetManifest): Promise<void> {
  for (;;) {
    try {
      return await rename(temporary, directory);
    } catch (error) {
      if (!existsSync(directory)) throw error;
    }
    const there = await readManifest(directory).catch(() => null); // one that is no good
    if (there && hashJson(there) === hashJson(manifest)) return rm(temporary, { recursive: true });
    const former = `${directory}.${randomUUID()}.tmp`;
    await rename(directory, former);
    await rm(former, { recursive: true });
  }
}

function hashSamples(images: Uint8Array, labelBytes: Uint8Array): string {
  return createHash('sha256').update(images).update(labelBytes).digest('hex');
}

function littleEndian(labels: Uint16Array): Uint8Array {
  const bytes = Buffer.alloc(labels.length * bytesPerLabel);
  for (const [index, label] of labels.entries()) bytes.writeUInt16LE(label, index * bytesPerLabel);
  return bytes;
}
