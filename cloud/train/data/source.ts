/** What every source of samples gives to the packer: pixels and labels of one size, by the user's own parts. */

/** Samples as they come from a source: images uint8 [count, height, width, channels]. */
export interface Samples {
  readonly images: Uint8Array;
  readonly labels: Uint16Array;
}

/** A whole data set before it is split and packed. */
export interface SourceData {
  readonly name: string;
  readonly classes: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly train: Samples;
  /** Absent where the source has no split of its own: the packer holds one out of `train`. */
  readonly test?: Samples;
  /** The user's own validation part, where there is one; it becomes split `search`. */
  readonly validation?: Samples;
}

/** How far a source is: `done` of `total` samples, bytes, … of `what`. */
export interface PackProgress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface SourceOptions {
  /** Resize every image to this height and width; needed where their sizes differ. */
  readonly resolution?: number | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}
