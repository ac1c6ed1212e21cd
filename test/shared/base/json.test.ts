import { canonicalJson, hashJson, hashText } from '@bespoke/shared/base/json.js';
import { describe, expect, it } from 'vitest';

describe('canonicalJson', () => {
  it('sorts keys at every depth and leaves undefined members out', () => {
    expect(canonicalJson({ b: [{ z: 1, a: null }], a: 'x', c: undefined })).toBe('{"a":"x","b":[{"a":null,"z":1}]}');
  });

  it('prints numbers as JavaScript does', () => {
    expect(canonicalJson([1, -0, 0.1, 1e21])).toBe('[1,0,0.1,1e+21]');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d with its path', (value) => {
    expect(() => canonicalJson({ a: [1, { b: value }] })).toThrow(
      `expected a finite number, but at $.a[1].b: it is ${value}`,
    );
  });
});

describe('hashJson', () => {
  it('is the first half of the SHA-256 of the canonical text', () => {
    expect(hashText('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
    expect(hashJson({ b: 1, a: 2 })).toBe(hashText('{"a":2,"b":1}'));
  });
});
