import { decodeSafetensors, encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { describe, expect, it } from 'vitest';

const weights = new Map([
  ['stem/conv/filter', { shape: [1, 1, 1, 3], values: Float32Array.from([1, -2.5, 3e-39]) }],
  ['head/classifier/bias', { shape: [1], values: Float32Array.from([Number.NaN]) }],
]);

describe('encodeSafetensors', () => {
  it('writes the length, the header and the data, byte for byte', () => {
    const bytes = encodeSafetensors(new Map([['a/b', { shape: [2], values: Float32Array.from([1, -2]) }]]));
    const header = '{"__metadata__":{},"a/b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}      ';
    expect(header.length % 8).toBe(0);
    const expected = Buffer.concat([
      Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(header),
      Buffer.from('0000803f000000c0', 'hex'),
    ]);
    expect(Buffer.from(bytes).toString('latin1')).toBe(expected.toString('latin1'));
  });
});

describe('decodeSafetensors', () => {
  it('reads what was written, from any place in memory', () => {
    const bytes = encodeSafetensors(weights, { step: '7' });
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    const { weights: read, metadata } = decodeSafetensors(moved.subarray(3));
    expect(metadata).toEqual({ step: '7' });
    expect([...read]).toEqual([...weights]);
  });

  it.each([
    ['nothing', new Uint8Array(3), 'it has 3 bytes, too few for a header'],
    ['a cut header', encodeSafetensors(weights).subarray(0, 40), 'only 32 follow'],
    ['cut data', encodeSafetensors(weights).subarray(0, -1), '"head/classifier/bias" should have 4 bytes at 12'],
  ])('refuses %s', (_, bytes, problem) => {
    expect(() => decodeSafetensors(bytes)).toThrow(
      expect.objectContaining({ code: 'SAFETENSORS_INVALID', message: expect.stringContaining(problem) }),
    );
  });

  it('refuses a header that is no JSON, and types other than F32', () => {
    const bytes = encodeSafetensors(weights);
    expect(() => decodeSafetensors(bytes.map((byte, at) => (at === 8 ? 0x5b : byte)))).toThrow(/its header is wrong/);
    const text = Buffer.from(bytes).toString('latin1').replace('"F32"', '"F16"');
    expect(() => decodeSafetensors(Buffer.from(text, 'latin1'))).toThrow(/its header is wrong/);
  });
});
