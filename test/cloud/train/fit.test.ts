import { verifyFit } from '@bespoke/cloud/train/fit.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { data, networks } from './gpipe/local-pipeline.js';

describe('verifyFit', () => {
  const graph = lower(networks.mbconv.network);

  it('takes a network for the data set', () => {
    expect(() => verifyFit(graph, data.manifest)).not.toThrow();
  });

  it.each([
    [{ height: 16 }, 'the input of the network is 8x8x1 and of the data 16x8x1'],
    [{ classes: ['a', 'b', 'c'] }, 'the number of classes of the network is 2 and of the data 3'],
  ])('names what differs: %j', (change, words) => {
    expect(() => verifyFit(graph, { ...data.manifest, ...change })).toThrow(words);
  });
});
