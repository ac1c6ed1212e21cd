import { Tournament } from '@bespoke/cloud/search/evolution/tournament.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

const population = {
  members: ['crowded', 'roomy', 'second front', 'third front'],
  ranks: [0, 0, 1, 2],
  crowding: [0.5, Infinity, Infinity, Infinity],
};

describe('Tournament', () => {
  it('prefers the better front, then more room, and lets each contest once per round', () => {
    const tournament = new Tournament(population, randomStream('tournament'));
    const wins = new Map<string, number>();
    for (let round = 0; round < 600; round++) {
      const winners = [tournament.winner(), tournament.winner()];
      for (const winner of winners) wins.set(winner, (wins.get(winner) ?? 0) + 1);
    }
    // The best wins its one contest of each round; of the three that may meet it, one in three does.
    expect(wins.get('roomy')).toBe(600);
    expect(wins.get('third front')).toBeUndefined();
    expect(wins.get('crowded')! / 600).toBeCloseTo(2 / 3, 1);
    expect(wins.get('second front')! / 600).toBeCloseTo(1 / 3, 1);
  });

  it('has a population of one win', () => {
    const alone = { members: ['only'], ranks: [0], crowding: [Infinity] };
    expect(new Tournament(alone, randomStream(1)).winner()).toBe('only');
  });
});
