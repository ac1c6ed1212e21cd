import { writtenOnce } from '@bespoke/agent/runtime/written.js';
import { describe, expect, it } from 'vitest';

describe('writtenOnce', () => {
  it('writes each model once, however often it is loaded', () => {
    let count = 0;
    const bytesOf = writtenOnce(() => Uint8Array.of(++count));
    const model = () =>
      ({
        kind: 'graph',
        graph: { version: 1, inputs: [], nodes: [], outputs: [] },
        weights: new Map(),
        batch: 1,
      }) as const;
    const [one, other] = [model(), model()];
    expect([one, one, other, one].map((each) => bytesOf(each)[0])).toEqual([1, 1, 2, 1]);
  });
});
