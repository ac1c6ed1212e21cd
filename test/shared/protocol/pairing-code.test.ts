import { pairingCodeOf, readPairingCode } from '@bespoke/shared/protocol/pairing-code.js';
import { describe, expect, it } from 'vitest';

describe('pairingCodeOf', () => {
  it('takes five bits of each byte: 40 bits in all', () => {
    expect(pairingCodeOf(Uint8Array.from([0, 1, 9, 10, 31, 32, 18, 255]))).toBe('019A-Z0JZ');
    const symbols = new Set(Array.from({ length: 256 }, (_, byte) => pairingCodeOf(new Uint8Array(8).fill(byte))[0]));
    expect(symbols.size).toBe(32);
  });
});

describe('readPairingCode', () => {
  it.each([
    ['7KQ2-M9XR', '7KQ2M9XR'],
    [' 7kq2 m9xr\n', '7KQ2M9XR'],
    ['oil0-0000', '01100000'],
  ])('reads %j as it was meant', (typed, code) => {
    expect(readPairingCode(typed)).toBe(code);
  });

  it.each(['', '7KQ2-M9X', '7KQ2-M9XRT', '7KQ2-M9XU', '🙂KQ2-M9XR'])('takes %j for no code', (typed) => {
    expect(readPairingCode(typed)).toBeNull();
  });
});
