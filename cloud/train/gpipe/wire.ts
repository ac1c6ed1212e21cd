/**
 * Wire: frames between neighbouring stages over a stream socket, Unix or TCP.
 *
 *   magic | header words | payload floats │ kind | step | micro-batch | per tensor: rank, sizes … │ values of all tensors
 *   └────────── prefix, 12 bytes ────────┘└──────────────── header, uint32 ─────────────────────┘└─── payload, float32 ──┘
 *
 * Words and values are as the host's memory has them: a payload is written from the arrays that hold it and copied once, into the array that the receiver gets. A host
 * of the other byte order is refused by the first word.
 */
import type { Socket } from 'node:net';
import { AppError } from '@bespoke/shared/base/errors.js';
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import { clockMs } from './clock.js';
import type { StageTensor } from './stage-runner.js';

/** In the order of their numbers on the wire. */
const kinds = ['hello', 'activation', 'gradient', 'bell'] as const;
export type FrameKind = (typeof kinds)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly step: number;
  readonly microBatch: number;
  readonly tensors: readonly StageTensor[];
}

export interface ReceivedFrame extends Frame {
  /** When its first and its last byte were read. */
  readonly startMs: number;
  readonly endMs: number;
}

export const wireLimits = { tensorCount: 64, rank: 8, payloadBytes: 2 ** 30 } as const;

const magic = 0x42_53_50_31; // "BSP1"
const prefixWords = 3;
const fixedHeaderWords = 3;
const maxHeaderWords = fixedHeaderWords + wireLimits.tensorCount * (1 + wireLimits.rank);
/** Of what comes before the payload. */
export const maxHeadBytes = Uint32Array.BYTES_PER_ELEMENT * (prefixWords + maxHeaderWords);

/** The bytes of a frame in pieces; those of the tensors are views of their arrays. Throws `WIRE_INVALID` beyond a limit. */
export function encodeFrame({ kind, step, microBatch, tensors }: Frame): Uint8Array[] {
  let payloadFloats = 0;
  for (const { shape, values } of tensors) {
    if (shape.length > wireLimits.rank) invalid(`a tensor has ${shape.length} dimensions, above ${wireLimits.rank}`);
    if (elementCount(shape) !== values.length)
      invalid(`a tensor of shape [${shape}] has ${values.length} values instead of ${elementCount(shape)}`);
    payloadFloats += values.length;
  }
  const header = [kinds.indexOf(kind), step, microBatch, ...tensors.flatMap(({ shape }) => [shape.length, ...shape])];
  checkSizes(header.length, payloadFloats, tensors.length);
  return [Uint32Array.of(magic, header.length, payloadFloats, ...header), ...tensors.map(({ values }) => values)]
    .filter(({ length }) => length > 0)
    .map(bytesOf);
}

/** The frame whose bytes begin with `head`, which may go on beyond its header; `read` fills the payload, which begins so many bytes after it. Throws `WIRE_INVALID`. */
export function decodeFrame(head: Uint32Array, read: (payload: Float32Array, headBytes: number) => void): Frame {
  const [headerWords, payloadFloats] = parsePrefix(head);
  const payload = new Float32Array(payloadFloats);
  const frame = parseHeader(head.subarray(prefixWords, prefixWords + headerWords), payload);
  read(payload, (prefixWords + headerWords) * Uint32Array.BYTES_PER_ELEMENT);
  return frame;
}

/** Writes a frame. Resolves once the system has taken all of it: until then the arrays must not change. Rejects when the socket fails first. */
export function sendFrame(socket: Socket, frame: Frame): Promise<void> {
  return new Promise((resolve, reject) => {
    const pieces = encodeFrame(frame);
    const written = (error?: Error | null) => (error ? reject(error) : resolve());
    socket.cork();
    for (const [index, piece] of pieces.entries())
      socket.write(piece, index === pieces.length - 1 ? written : undefined);
    socket.uncork();
  });
}

/** The frames that come over a socket, one by one or as they come. */
export class FrameStream {
  /** Fulfilled where the sender ended between two frames; rejected with `WIRE_INVALID` for anything but whole frames, or by what broke the socket. */
  readonly ended: Promise<void>;
  readonly #waiting: ReceivedFrame[] = [];
  #onFrame: (frame: ReceivedFrame) => void = this.#keep;
  #wake: () => void = () => {};

  /** A first frame with more than `firstPayloadBytes` is refused: who has not greeted yet is given no memory. */
  constructor(
    private readonly socket: Socket,
    firstPayloadBytes: number = wireLimits.payloadBytes,
  ) {
    const decoder = new FrameDecoder(firstPayloadBytes);
    socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const frame of decoder.push(chunk)) this.#onFrame(frame);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    this.ended = new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', () => {
        try {
          resolve(decoder.end());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    this.ended.catch(() => {}); // told to who asks
  }

  /** The next frame; null where the sender ended before it. What comes after it stays with the sender. Rejects as `ended` does. */
  async next(): Promise<ReceivedFrame | null> {
    if (this.#waiting.length === 0) {
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.socket.resume();
      await Promise.race([arrival, this.ended]);
    }
    return this.#waiting.shift() ?? null;
  }

  /** Calls `onFrame` for every frame from now on, as it comes; pausing the socket holds them up. Settles as `ended` does. */
  forEach(onFrame: (frame: ReceivedFrame) => void): Promise<void> {
    this.#onFrame = onFrame;
    this.socket.resume();
    for (const frame of this.#waiting.splice(0)) onFrame(frame);
    return this.ended;
  }

  #keep(frame: ReceivedFrame): void {
    this.#waiting.push(frame);
    this.socket.pause();
    this.#wake();
  }
}

type Part = 'prefix' | 'header' | 'payload';

/** Puts frames together from a stream of bytes, however it is cut. */
export class FrameDecoder {
  #part: Part = 'prefix';
  #words = new Uint32Array(prefixWords);
  #values = new Float32Array(0);
  #target = bytesOf(this.#words);
  #filledBytes = 0;
  #startMs = 0;
  #limitBytes: number;

  constructor(firstPayloadBytes: number = wireLimits.payloadBytes) {
    this.#limitBytes = firstPayloadBytes;
  }

  /** The frames that the chunk completes. Throws `WIRE_INVALID`; then the stream is of no further use. */
  push(chunk: Uint8Array): ReceivedFrame[] {
    const frames: ReceivedFrame[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (this.#part === 'prefix' && this.#filledBytes === 0) this.#startMs = clockMs();
      const byteCount = Math.min(chunk.length - at, this.#target.length - this.#filledBytes);
      this.#target.set(chunk.subarray(at, at + byteCount), this.#filledBytes);
      at += byteCount;
      this.#filledBytes += byteCount;
      while (this.#filledBytes === this.#target.length) this.#completed[this.#part](frames);
    }
    return frames;
  }

  /** Throws `WIRE_INVALID` where the stream ends within a frame. */
  end(): void {
    if (this.#part !== 'prefix' || this.#filledBytes > 0)
      invalid(`the stream ended after ${this.#filledBytes} of ${this.#target.length} bytes of a frame's ${this.#part}`);
  }

  readonly #completed: { readonly [P in Part]: (frames: ReceivedFrame[]) => void } = {
    prefix: () => {
      const [headerWords, payloadFloats] = parsePrefix(this.#words, this.#limitBytes);
      this.#values = new Float32Array(payloadFloats);
      this.#words = new Uint32Array(headerWords);
      this.#expect('header', bytesOf(this.#words));
    },
    header: () => {
      parseHeader(this.#words, this.#values);
      this.#expect('payload', bytesOf(this.#values));
    },
    payload: (frames) => {
      frames.push({ ...parseHeader(this.#words, this.#values), startMs: this.#startMs, endMs: clockMs() });
      this.#limitBytes = wireLimits.payloadBytes;
      this.#words = new Uint32Array(prefixWords);
      this.#expect('prefix', bytesOf(this.#words));
    },
  };

  #expect(part: Part, target: Uint8Array): void {
    [this.#part, this.#target, this.#filledBytes] = [part, target, 0];
  }
}

function parsePrefix(words: Uint32Array, limitBytes?: number): readonly [headerWords: number, payloadFloats: number] {
  const [first, headerWords, payloadFloats] = words as unknown as [number, number, number];
  if (first !== magic) invalid(`a frame begins with ${first.toString(16)} instead of ${magic.toString(16)}`);
  if (headerWords < fixedHeaderWords)
    invalid(`a header has ${headerWords} words, fewer than the ${fixedHeaderWords} that every frame has`);
  checkSizes(headerWords, payloadFloats, 0, limitBytes);
  return [headerWords, payloadFloats];
}

function parseHeader(words: Uint32Array, payload: Float32Array): Frame {
  const [kindNumber, step, microBatch, ...sizes] = words as unknown as [number, number, number, ...number[]];
  const kind = kinds[kindNumber] ?? invalid(`there is no kind ${kindNumber}`);
  const tensors: StageTensor[] = [];
  let offset = 0;
  for (let at = 0; at < sizes.length; ) {
    const rank = sizes[at]!;
    const shape = sizes.slice(at + 1, at + 1 + rank);
    if (rank > wireLimits.rank || shape.length < rank)
      invalid(`tensor ${tensors.length} says ${rank} dimensions, but at most ${wireLimits.rank} that are there may be`);
    const end = offset + elementCount(shape);
    if (end > payload.length) invalid(`the shapes ask for more than the payload's ${payload.length} values`);
    tensors.push({ shape, values: payload.subarray(offset, end) });
    offset = end;
    at += 1 + rank;
  }
  if (offset !== payload.length) invalid(`the shapes ask for ${offset} of the payload's ${payload.length} values`);
  checkSizes(words.length, payload.length, tensors.length);
  return { kind, step, microBatch, tensors };
}

function checkSizes(
  headerWords: number,
  payloadFloats: number,
  tensorCount: number,
  limitBytes: number = wireLimits.payloadBytes,
): void {
  if (tensorCount > wireLimits.tensorCount) invalid(`${tensorCount} tensors are above ${wireLimits.tensorCount}`);
  if (headerWords > maxHeaderWords) invalid(`a header of ${headerWords} words is above ${maxHeaderWords}`);
  if (payloadFloats * 4 > limitBytes) invalid(`a payload of ${payloadFloats * 4} bytes is above ${limitBytes}`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function invalid(problem: string): never {
  throw new AppError('WIRE_INVALID', { problem });
}
