import { PassThrough } from 'node:stream';
import { lastWordsOf } from '@bespoke/cloud/train/last-words.js';
import { describe, expect, it } from 'vitest';

describe('lastWordsOf', () => {
  it('keeps the end of what was said', () => {
    const stderr = new PassThrough();
    const lastWords = lastWordsOf(stderr);
    expect(lastWords()).toBe('');
    stderr.emit('data', 'first ');
    stderr.emit('data', `${'x'.repeat(1996)}last`);
    expect(lastWords()).toBe(`${'x'.repeat(1996)}last`);
  });
});
