import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Frame } from '@bespoke/cloud/train/gpipe/wire.js';
import { encodeFrame, FrameDecoder, FrameStream, sendFrame } from '@bespoke/cloud/train/gpipe/wire.js';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const tensor = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((product, size) => product * size, 1);
  return fc.record({ shape: fc.constant(shape), values: fc.float32Array({ minLength: length, maxLength: length }) });
});
const frame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constantFrom('hello', 'activation', 'gradient'),
  step: fc.nat(2 ** 32 - 1),
  microBatch: fc.nat(1000),
  tensors: fc.array(tensor, { maxLength: 3 }),
});
const bytesOf = (frames: readonly Frame[]) => Buffer.concat(frames.flatMap(encodeFrame));
const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const magic = 0x42535031;

function withoutTimes(frames: readonly Frame[]) {
  return frames.map(({ kind, step, microBatch, tensors }) => ({ kind, step, microBatch, tensors }));
}

/** Both ends of a Unix socket. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(join(temporaryFolder(), 's'));
  await once(server, 'listening');
  const client = connect(server.address() as string);
  const [other] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    for (const end of [client, other, server]) 'destroy' in end ? end.destroy() : end.close();
  });
  return [client, other];
}

describe('FrameDecoder', () => {
  it('gives back any frames, however their bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), fc.array(fc.nat(40), { minLength: 1 }), (frames, cuts) => {
        const bytes = bytesOf(frames);
        const decoder = new FrameDecoder();
        const got: Frame[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + 1 + cuts[turn % cuts.length]!;
          got.push(...decoder.push(bytes.subarray(at, end)));
          at = end;
        }
        decoder.end();
        expect(withoutTimes(got)).toEqual(frames);
      }),
    );
  });

  it('calls a stream that ends within a frame truncated, wherever that is', () => {
    fc.assert(
      fc.property(frame, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (one, share) => {
        const bytes = bytesOf([one]);
        const decoder = new FrameDecoder();
        decoder.push(bytes.subarray(0, Math.max(1, Math.floor(share * bytes.length))));
        expect(() => decoder.end()).toThrow(/expected whole frames .* the stream ended after/);
      }),
    );
  });

  it.each([
    ['another magic', words(1, 3, 0), /begins with 1 instead of/],
    ['a header that is too short', words(magic, 2, 0), /header has 2 words, fewer than the 3/],
    ['a header that is too long', words(magic, 1_000_000, 0), /header of 1000000 words is above/],
    ['a payload that is too long', words(magic, 3, 2 ** 30), /payload of 4294967296 bytes is above 1073741824/],
    ['an unknown kind', words(magic, 3, 0, 9, 0, 0), /no kind 9/],
    ['a rank beyond the header', words(magic, 5, 0, 1, 0, 0, 2, 1), /tensor 0 says 2 dimensions/],
    ['a rank beyond the limit', words(magic, 13, 1, 1, 0, 0, 9, ...Array(9).fill(1)), /tensor 0 says 9 dimensions/],
    ['shapes beyond the payload', words(magic, 5, 3, 1, 0, 0, 1, 4), /ask for more than the payload's 3 values/],
    ['a payload beyond the shapes', words(magic, 5, 5, 1, 0, 0, 1, 4), /ask for 4 of the payload's 5 values/],
  ])('refuses %s', (_, bytes, problem) => {
    expect(() => new FrameDecoder().push(bytes)).toThrow(problem);
  });

  it('gives frames or WIRE_INVALID for any bytes after a right magic', () => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 2, maxLength: 30, max: 20 }), (rest) => {
        try {
          new FrameDecoder().push(words(magic, ...rest));
        } catch (error) {
          expect(error).toMatchObject({ code: 'WIRE_INVALID' });
        }
      }),
    );
  });
});

describe('encodeFrame', () => {
  const oneTensor = (shape: number[], length: number): Frame => ({
    kind: 'gradient',
    step: 1,
    microBatch: 0,
    tensors: [{ shape, values: new Float32Array(length) }],
  });

  it('refuses what no receiver would take', () => {
    expect(() => encodeFrame(oneTensor([2, 3], 5))).toThrow('shape [2,3] has 5 values instead of 6');
    expect(() => encodeFrame(oneTensor(Array(9).fill(1), 1))).toThrow('9 dimensions, above 8');
    const many = { ...oneTensor([1], 1), tensors: Array(65).fill(oneTensor([1], 1).tensors[0]) };
    expect(() => encodeFrame(many)).toThrow('65 tensors are above 64');
  });

  it('copies no values', () => {
    const values = Float32Array.of(1, 2, 3);
    const [, payload] = encodeFrame({ kind: 'activation', step: 1, microBatch: 0, tensors: [{ shape: [3], values }] });
    expect(payload!.buffer).toBe(values.buffer);
  });
});

describe('FrameStream', () => {
  const large = (microBatch: number): Frame => ({
    kind: 'activation',
    step: 1,
    microBatch,
    tensors: [{ shape: [250_000], values: new Float32Array(250_000).fill(microBatch) }],
  });

  it('leaves with the sender what is not asked for', async () => {
    const [client, other] = await socketPair();
    const received = new FrameStream(other);
    let sentCount = 0;
    const first = received.next();
    const sends = Array.from({ length: 8 }, (_, index) => sendFrame(client, large(index)).then(() => sentCount++));
    expect(await first).toMatchObject({ microBatch: 0 });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve)); // whatever could flow has flowed
    const sentEarly = sentCount;
    for (let index = 1; index < 8; index++) expect(await received.next()).toMatchObject({ microBatch: index });
    await Promise.all(sends);
    expect(sentEarly).toBeLessThan(4);
  });

  it('ends where the sender ends, and throws where that is within a frame', async () => {
    const [client, other] = await socketPair();
    client.end(bytesOf([large(1)]));
    const whole = new FrameStream(other);
    expect(await whole.next()).toMatchObject({ microBatch: 1 });
    expect(await whole.next()).toBe(null);

    const [client2, other2] = await socketPair();
    client2.end(bytesOf([large(1)]).subarray(0, 1000));
    await expect(new FrameStream(other2).next()).rejects.toMatchObject({ code: 'WIRE_INVALID' });
  });

  it('gives a first frame no more memory than it is allowed, later ones what they need', async () => {
    const small = (microBatch: number): Frame => ({ ...large(microBatch), tensors: [] });
    const [client, other] = await socketPair();
    const received = new FrameStream(other, 16);
    client.end(bytesOf([small(0), large(1)]));
    expect(await received.next()).toMatchObject({ microBatch: 0 });
    expect(await received.next()).toMatchObject({ microBatch: 1 });

    const [client2, other2] = await socketPair();
    client2.end(bytesOf([large(0)]));
    await expect(new FrameStream(other2, 16).next()).rejects.toThrow('a payload of 1000000 bytes is above 16');
  });

  it('throws what the decoder throws', async () => {
    const [client, other] = await socketPair();
    client.write('GET / HTTP/1.1\r\n\r\n');
    await expect(new FrameStream(other).next()).rejects.toMatchObject({ code: 'WIRE_INVALID' });
  });
});
