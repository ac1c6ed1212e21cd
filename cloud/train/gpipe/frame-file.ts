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
import { closeSync, openSync, readSync, rmSync, statfsSync, writeSync, writevSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeFrame, encodeFrame, type Frame, maxHeadBytes } from './wire.js';

/** A file system in memory, where Linux has it mounted; not where it is so small that a few frames fill it: containers often get 64 MB. */
const memoryDirectory = { path: '/dev/shm', leastBytes: 2 ** 30 } as const;

/** More than the largest frame takes. */
const placeBytes = 2 ** 31;
const wordBytes = Uint32Array.BYTES_PER_ELEMENT;
/** What the system says where a file cannot grow. */
const noRoom: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class FrameFile {
  readonly #word = new Uint32Array(1);
  readonly #head = new Uint32Array(maxHeadBytes / wordBytes);

  private constructor(
    private readonly fd: number,
    /** Its name, until the other end has taken that away. */
    readonly name: string,
  ) {}

  /** Of the stage that sends: in memory, or at `path`, where there is none or it is full. The name must be new. */
  static create(path: string): FrameFile {
    const open = (name: string) => {
      const file = new FrameFile(openSync(name, 'wx', 0o600), name);
      try {
        file.sayWaiting(false); // has its memory from then on: who waits can say so, however full it gets
        return file;
      } catch (error) {
        file.close();
        throw error;
      }
    };
    return firstOf(namesFor(path), open, (code) => code !== 'EEXIST');
  }

  /** Of the stage that receives: opens what the other made for `path`, and takes its name away. */
  static take(path: string): FrameFile {
    const open = (name: string) => {
      const fd = openSync(name, 'r');
      rmSync(name);
      return new FrameFile(fd, name);
    };
    return firstOf(namesFor(path), open, (code) => code === 'ENOENT');
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
    if (this.#readWord(place) !== step) return null;
    readSync(this.fd, this.#head, 0, this.#head.byteLength, place + wordBytes);
    return decodeFrame(this.#head, (payload, headBytes) => {
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
    return this.#readWord(0) === 1;
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.name, { force: true }); // where nobody took it
  }

  /** 0 beyond the end of the file. */
  #readWord(position: number): number {
    this.#word[0] = 0;
    readSync(this.fd, this.#word, 0, wordBytes, position);
    return this.#word[0]!;
  }

  #writeWord(value: number, position: number): void {
    this.#word[0] = value;
    writeSync(this.fd, this.#word, 0, wordBytes, position);
  }
}

/** What the file for `path` may be called, the best first: in memory it has a name of its own, so that no folder there has to outlive anything. */
function namesFor(path: string): readonly string[] {
  const inMemory = join(memoryDirectory.path, `${basename(dirname(path))}-${basename(path)}`);
  return isRoomy() ? [inMemory, path] : [path];
}

function isRoomy(): boolean {
  try {
    const { blocks, bsize } = statfsSync(memoryDirectory.path);
    return blocks * bsize >= memoryDirectory.leastBytes;
  } catch {
    return false;
  }
}

/** Of the first name by which it opens; the next is tried where what the system says is a reason to. */
function firstOf<T>(
  [name, ...others]: readonly string[],
  open: (name: string) => T,
  isReason: (code: string | undefined) => boolean,
): T {
  try {
    return open(name!);
  } catch (error) {
    if (others.length === 0 || !isReason((error as NodeJS.ErrnoException).code)) throw error;
    return firstOf(others, open, isReason);
  }
}

const placeOf = (microBatch: number) => (1 + microBatch) * placeBytes;
