import { PassThrough } from 'node:stream';
import { lastWordsOf } from '@bespoke/cloud/train/last-words.js';
import { describe, expect, it } from 'vitest';

describe('lastWordsOf', () => {
  it('keeps the end of what was said', () => {
    const stderr = new PassThrough();
    const lastWords = lastWordsOf(stderr);
    expect(lastWords()).toBe('');
    stderr.emit('data', 'first ');
    stderr.emit('data', `${'x'.repeat(3996)}last`);
    expect(lastWords()).toBe(`${'x'.repeat(3996)}last`);
  });

  it('leaves out what TensorFlow says whenever it loads', () => {
    const stderr = new PassThrough();
    const lastWords = lastWordsOf(stderr);
    stderr.emit('data', 'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n');
    stderr.emit(
      'data',
      'I0000 00:00:17.8 94 port.cc:153] oneDNN custom operations are on. You may see slightly different\n',
    );
    stderr.emit('data', 'terminate called\n');
    expect(lastWords()).toBe('terminate called\n');
  });
});
