import { createHash } from 'node:crypto';
import { drawSynthetic } from '@bespoke/cloud/train/data/synthetic.js';
import { describe, expect, it } from 'vitest';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('drawSynthetic', () => {
  it('draws balanced classes, the same for the same seed', () => {
    const data = drawSynthetic(1, { sampleCount: 100 });
    expect([data.height, data.width, data.channels, data.classes.length]).toEqual([32, 32, 3, 10]);
    expect([data.train.labels.length, data.test!.labels.length]).toEqual([80, 20]);
    expect([...data.test!.labels]).toEqual([...Array(10).keys(), ...Array(10).keys()]);
    expect(hash(drawSynthetic(1, { sampleCount: 100 }).train.images)).toBe(hash(data.train.images));
    expect(hash(drawSynthetic(2, { sampleCount: 100 }).train.images)).not.toBe(hash(data.train.images));
    expect(hash(data.test!.images)).not.toBe(hash(data.train.images.subarray(0, data.test!.images.length)));
  });
});
