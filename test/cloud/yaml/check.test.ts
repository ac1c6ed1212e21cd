import { checkYaml, formatKeys } from '@bespoke/cloud/yaml/check.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const schema = z.strictObject({
  name: z.string(),
  size: z.number().default(3),
  parts: z.array(z.strictObject({ width: z.number() })).default([]),
});

describe('checkYaml', () => {
  it('gives what was written, and the same with its defaults', () => {
    expect(checkYaml('name: a\nparts:\n  - width: 2\n', schema)).toEqual({
      given: { name: 'a', parts: [{ width: 2 }] },
      value: { name: 'a', size: 3, parts: [{ width: 2 }] },
    });
  });

  it.each([
    ['name: [\n', { kind: 'invalid', line: 2, path: ['$'], problem: expect.stringContaining('not YAML: ') }],
    ['name: a\nsize: b\n', { kind: 'invalid', line: 2, path: ['size'] }],
    ['name: a\nparts:\n  - width: 1\n  - width: x\n', { kind: 'invalid', line: 4, path: ['parts', 1, 'width'] }],
    ['# a comment\nnam: a\n', { kind: 'unknown-key', line: 2, path: [], key: 'nam', nearest: 'name' }],
    ['name: a\nparts:\n  - widht: 1\n', { kind: 'unknown-key', line: 3, path: ['parts', 0], nearest: 'width' }],
  ])('gives the line and the place of what is wrong (%#)', (text, problem) => {
    expect(checkYaml(text, schema)).toMatchObject({ problem });
  });
});

describe('formatKeys', () => {
  it.each([
    [[], 'the file'],
    [['parts', 1, 'width'], 'parts[1].width'],
  ])('reads as people do (%#)', (path, text) => {
    expect(formatKeys(path, 'the file')).toBe(text);
  });
});
