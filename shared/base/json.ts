/**
 * Canonical JSON: one text per value, so that equal values have equal hashes on every machine.
 *
 * Keys are sorted, `undefined` members are left out as JSON.stringify does, numbers print
 * as JavaScript prints them; a number that JSON cannot hold is refused.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { AppError } from './errors.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** The canonical text of `value`. Throws `JSON_INVALID` on NaN and infinities. */
export function canonicalJson(value: unknown, path = '$'): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new AppError('JSON_INVALID', { what: 'a finite number', path, problem: `it is ${value}` });
  }
  if (Array.isArray(value))
    return `[${value.map((item, index) => canonicalJson(item, `${path}[${index}]`)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, `${path}.${key}`)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A name for a text: the first 128 bits of its SHA-256, as 32 hex digits. Pure, so that a phone's browser computes the same keys as Node. */
export function hashText(text: string): string {
  const bytes = sha256(utf8ToBytes(text)).subarray(0, 16);
  return Array.from(bytes, (byte) => hexOfByte[byte]!).join(''); // added up byte by byte, V8 would keep all the parts: 350 bytes a name
}

/** The key of a JSON value: the hash of its canonical text. */
export function hashJson(value: unknown): string {
  return hashText(canonicalJson(value));
}
