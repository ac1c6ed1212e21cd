/**
 * SearchSpace: a sequence of slots, each with the blocks that may stand there. Searches choose; what they choose is a
 * plain Network that does not know that it was searched.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Block } from '@bespoke/shared/network/block.js';
import type { Network } from '@bespoke/shared/network/network.js';

export interface Slot {
  readonly id: string;
  /** One candidate: the block is fixed. More: it is searched. Ids are `<slot id>.<candidate name>`, so a derived network's weights are named as the supernet's. */
  readonly candidates: readonly Block[];
}

export interface SearchSpace {
  readonly name: string;
  readonly input: Network['input'];
  readonly slots: readonly Slot[];
}

/** The network that holds candidate `indices[slot]` in every slot. Throws `SPACE_CHOICE_INVALID`. */
export function choose(space: SearchSpace, indices: readonly number[], name = space.name): Network {
  const blocks = space.slots.map((slot, index) => {
    const block = slot.candidates[indices[index]!];
    if (!block) {
      throw new AppError('SPACE_CHOICE_INVALID', { slot: slot.id, candidates: slot.candidates.length, got: indices[index]! });
    }
    return block;
  });
  return { version: 1, name, input: space.input, blocks };
}
