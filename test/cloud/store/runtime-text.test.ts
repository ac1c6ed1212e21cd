import { runtimeOf, runtimeText } from '@bespoke/cloud/store/runtime-text.js';
import { describe, expect, it } from 'vitest';
import { runtime } from '../../support/fleet.js';

describe('runtimeText', () => {
  it('is one text for equal keys, whatever the order of their fields', () => {
    const text = '{"delegate":"xnnpack","runtime":"tflite","threads":1,"version":"2.9.0"}';
    const { threads, ...rest } = runtime;
    expect([runtimeText(runtime), runtimeText({ threads, ...rest })]).toEqual([text, text]);
  });
});

describe('runtimeOf', () => {
  it('gives the key back, for a text always the same object', () => {
    const key = runtimeOf(runtimeText(runtime));
    expect(key).toEqual(runtime);
    expect(runtimeOf(runtimeText({ ...runtime }))).toBe(key);
  });
});
