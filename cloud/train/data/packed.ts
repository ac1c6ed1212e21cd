/**
 * PackedDataset: a data set packed once into one file that any engine can read.
 *
 *   <directory>/manifest.json   names, sizes, splits, normalization, hash of data.bin
 *   <directory>/data.bin        all images uint8 [count, height, width, channels], then all labels uint16 little-endian [count]
 *
 * Samples stand in split order: train, search, test. `search` is held out of the user's *train* part for the search
 * (class-balanced, seeded); `test` is touched once, at the end.
 */
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
