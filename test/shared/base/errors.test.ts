import { readFileSync } from 'node:fs';
import { AppError, errorCodes, isAppError } from '@bespoke/shared/base/errors.js';
import { describe, expect, it } from 'vitest';

describe('errorCodes', () => {
  it('equals the table of docs/errors.md, in order', () => {
    const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
    const rows = page.split('\n').flatMap((line) => line.match(/^\| `([A-Z_]+)` \| .+ \| .+ \|$/)?.[1] ?? []);
    expect(rows).toEqual([...errorCodes]);
  });
});

describe('AppError', () => {
  it('says what was expected, what came and where', () => {
    const error = new AppError('GRAPH_ILLEGAL', { where: 'stem/conv', expected: 'a map [H, W, C]', got: '10' });
    expect(error.message).toBe('illegal graph at stem/conv: expected a map [H, W, C], but got 10');
    expect(isAppError(error, 'GRAPH_ILLEGAL')).toBe(true);
    expect(isAppError(error, 'JSON_INVALID')).toBe(false);
    expect(isAppError(new Error('other'))).toBe(false);
  });
});
