/**
 * FrameFile: the frames that a stage sends to its neighbour on the same machine, in a file in memory that both have open: each thread copies once, where it would copy anyway, and no
 * thread is woken for bytes, nor for a frame that nobody waits for yet.
 *
 *   0                 2^31                                       2 * 2^31
 *   │ is waiting │ …  │ step │ frame of micro-batch 0 (wire.ts)  │ step │ frame of micro-batch 1 │ …      (all that is not written takes no memory)
 *
 * The step is written last: who reads it finds the frame whole. A place is used again in the next step, which no stage begins before all have ended this one and read what was sent in it.
 * The file has no name any more once both have it open, so it goes with the last process that has, however that ends.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync, writevSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFrame, encodeFrame, type Frame, maxHeadBytes } from './wire.js';

/** A file system in memory, where Linux has it mounted; not where it is so small that a few frames fill it: containers often get 64 MB. */
const memoryDirectory = { path: '/dev/shm', leastBytes: 2 ** 30 } as const;

/** A new folder that nobody else may look into: in memory where the system offers that, else where temporary files lie (which it keeps in memory as well, but writes to its disk). */
export async function makeMemoryFolder(prefix: string): Promise<string> {
  const { path, leastBytes } = memoryDirectory;
  const isRoomy = await statfs(path).then(
    ({ blocks, bsize }) => blocks * bsize >= leastBytes,
    () => false,
  );
  const inTemporary = () => mkdtemp(join(tmpdir(), prefix));
  return isRoomy ? mkdtemp(join(path, prefix)).catch(inTemporary) : inTemporary();
}

/** More than the largest frame takes. */
const placeBytes = 2 ** 31;
const wordBytes = Uint32Array.BYTES_PER_ELEMENT;
/** What the system says where a file cannot grow. */
const noRoom: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class FrameFile {
  readonly #word = new Uint32Array(1);
  /** A step and the head of its frame. */
  readonly #head = new Uint32Array(1 + maxHeadBytes / wordBytes);

  private constructor(private readonly fd: number) {}

  /** Of the stage that sends. The name must be new. */
  static create(path: string): FrameFile {
    return new FrameFile(openSync(path, 'wx', 0o600));
  }

  /** Of the stage that receives: opens what the other made, and takes its name away. */
  static take(path: string): FrameFile {
    const fd = openSync(path, 'r');
    unlinkSync(path);
    return new FrameFile(fd);
  }

  /** False where the file system has no room for it. */
  put(frame: Frame): boolean {
    const pieces = encodeFrame(frame);
    const place = placeOf(frame.microBatch);
    const byteCount = pieces.reduce((sum, { length }) => sum + length, 0);
    try {
      if (writevSync(this.fd, pieces, place + wordBytes) < byteCount) return false;
      this.#writeWord(frame.step, place);
      return true;
    } catch (error) {
      if (noRoom.has((error as NodeJS.ErrnoException).code)) return false;
      throw error;
    }
  }

  /** The frame of a micro-batch; null where that of this step is not there yet. */
  get(step: number, microBatch: number): Frame | null {
    const place = placeOf(microBatch);
    this.#head[0] = 0; // of no step: the file may end before the place
    readSync(this.fd, this.#head, 0, this.#head.byteLength, place);
    if (this.#head[0] !== step) return null;
    return decodeFrame(this.#head.subarray(1), (payload, headBytes) => {
      for (let done = 0; done < payload.byteLength; ) {
        const at = place + wordBytes + headBytes + done;
        const count = readSync(this.fd, payload, done, payload.byteLength - done, at);
        if (count === 0) throw new Error('a file of frames ends within a frame');
        done += count;
      }
    });
  }

  /** What the one who writes this file tells the one who reads it: that he waits for a frame of his, and wants to be woken. */
  sayWaiting(isWaiting: boolean): void {
    this.#writeWord(Number(isWaiting), 0);
  }

  get isWaiting(): boolean {
    return readSync(this.fd, this.#word, 0, wordBytes, 0) > 0 && this.#word[0] === 1;
  }

  close(): void {
    closeSync(this.fd);
  }

  #writeWord(value: number, position: number): void {
    this.#word[0] = value;
    writeSync(this.fd, this.#word, 0, wordBytes, position);
  }
}

const placeOf = (microBatch: number) => (1 + microBatch) * placeBytes;
