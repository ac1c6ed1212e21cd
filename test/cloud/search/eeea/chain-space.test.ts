import { openChainSpace } from '@bespoke/cloud/search/eeea/chain-space.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { piecesOf } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const small = buildSpace({ preset: 'small' }, shape);
const space = openChainSpace(small);
/** Of a slot that may be empty: the index of its empty candidate. */
const zeroOf = (gene: number) => space.valueCounts[gene]! - 1;

describe('openChainSpace', () => {
  it('has a gene for each slot with a choice', () => {
    expect(space.valueCounts).toEqual([6, 7, 7, 6, 7, 7, 6, 7, 7]);
    expect(space.path([0, 0, 0, 0, 0, 0, 0, 0, 0])).toHaveLength(small.slots.length);
  });

  it('sums costs as its networks have them', () => {
    const stream = randomStream(0, 'chains');
    const [params, pieceCount] = [paramsOf(space), space.additive(() => 1)];
    for (let draw = 0; draw < 10; draw++) {
      const genes = drawGenes(space, stream);
      const network = space.decode(genes);
      expect(params(genes)).toBe(countParams(lower(network)));
      expect(pieceCount(genes)).toBe(piecesOf(network).length);
    }
  });

  it('knows the same blocks in other slots for the same network', () => {
    const first = [2, 1, zeroOf(2), 0, 0, 0, 0, 0, 0];
    const second = [2, zeroOf(1), 1, 0, 0, 0, 0, 0, 0];
    expect(space.key(first)).toBe(space.key(second));
    expect(space.key(first)).not.toBe(space.key([2, 1, 1, 0, 0, 0, 0, 0, 0]));
  });
});
