/** What is measured of a network's blocks, and sums of it over runs of them. */
import type { PartitionSizes } from './memory.js';

/** One block, measured with micro-batches of one size; times and activations are per micro-batch. */
export interface BlockCost {
  readonly id: string;
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** The part of it that makes the gradients of the weights, where it can be put off. */
  readonly weightGradientMs: number;
  /** Of its weights, float32. */
  readonly parameterBytes: number;
  /** Kept from forward for backward, the input not counted. */
  readonly savedBytes: number;
  /** Of what it hands to the next block, and so of what would be sent if the network were cut behind it. */
  readonly boundaryBytes: number;
}

/** A number of micro-batches (M) with the costs measured at their size, N / M. */
export interface MeasuredCosts {
  readonly microBatchCount: number;
  /** Of the network's input, per micro-batch. */
  readonly inputBytes: number;
  readonly blocks: readonly BlockCost[];
}

/** What a message between neighbours takes. */
export interface TransferCost {
  readonly messageMs: number;
  readonly byteMs: number;
}

/** Costs of runs of blocks, from sums over the blocks before. */
export class BlockSums {
  readonly blockCount: number;
  readonly #forwardMs: Float64Array;
  readonly #backwardMs: Float64Array;
  readonly #weightGradientMs: Float64Array;
  readonly #parameterBytes: Float64Array;
  readonly #savedBytes: Float64Array;
  readonly #inputBytes: readonly number[];
  /** Of the inputs of the blocks before. */
  readonly #readBytes: Float64Array;
  readonly #transferMs: readonly number[];

  constructor({ blocks, inputBytes }: MeasuredCosts, { messageMs, byteMs }: TransferCost) {
    this.blockCount = blocks.length;
    this.#forwardMs = runningSums(blocks.map((block) => block.forwardMs));
    this.#backwardMs = runningSums(blocks.map((block) => block.backwardMs));
    this.#weightGradientMs = runningSums(blocks.map((block) => block.weightGradientMs));
    this.#parameterBytes = runningSums(blocks.map((block) => block.parameterBytes));
    this.#savedBytes = runningSums(blocks.map((block) => block.savedBytes));
    this.#inputBytes = [inputBytes, ...blocks.map(({ boundaryBytes }) => boundaryBytes)];
    this.#readBytes = runningSums(this.#inputBytes);
    this.#transferMs = this.#inputBytes.map((bytes, first) => (first === 0 ? 0 : messageMs + byteMs * bytes));
  }

  forwardMs(first: number, end: number): number {
    return this.#forwardMs[end]! - this.#forwardMs[first]!;
  }

  backwardMs(first: number, end: number): number {
    return this.#backwardMs[end]! - this.#backwardMs[first]!;
  }

  weightGradientMs(first: number, end: number): number {
    return this.#weightGradientMs[end]! - this.#weightGradientMs[first]!;
  }

  /** Of one message over the boundary before block `first`; 0 before the first block. */
  transferMs(first: number): number {
    return this.#transferMs[first]!;
  }

  /** What one block hands to the next within the run is saved as well: the next one's backward reads it. */
  sizes(first: number, end: number): PartitionSizes {
    const insideBytes = this.#readBytes[end]! - this.#readBytes[first + 1]!;
    return {
      parameterBytes: this.#parameterBytes[end]! - this.#parameterBytes[first]!,
      savedBytes: this.#savedBytes[end]! - this.#savedBytes[first]! + insideBytes,
      inputBytes: this.#inputBytes[first]!,
    };
  }
}

function runningSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  values.forEach((value, index) => {
    sums[index + 1] = sums[index]! + value;
  });
  return sums;
}
