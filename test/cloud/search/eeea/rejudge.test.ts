import { join } from 'node:path';
import { openChainSpace } from '@bespoke/cloud/search/eeea/chain-space.js';
import { Journal } from '@bespoke/cloud/search/eeea/journal.js';
import { objectivesOf } from '@bespoke/cloud/search/eeea/objective.js';
import { rejudge } from '@bespoke/cloud/search/eeea/rejudge.js';
import { buildSpace, resolveSpace } from '@bespoke/cloud/search/presets.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { testIndividual } from '../../../support/individual.js';

const shape = { height: 16, width: 16, channels: 3, classes: { length: 10 } };
const space = openChainSpace(buildSpace(resolveSpace({ preset: 'small' }), shape));
const objectives = objectivesOf(['error', 'latency'], {
  space,
  devices: [{ name: 'other', budgetMs: 2, weight: 1 }],
  mix: 'each',
  limits: { latency: true, paramsBelow: null },
});
const individuals = [0, 1, 2].map((index) => ({
  ...testIndividual,
  index,
  genes: [index],
  accuracy: 0.5 + index / 10,
}));

async function run(path: string, dieAt?: number, excessShare = (_: readonly number[]) => 0) {
  const journal = await Journal.open(path);
  const asked: number[] = [];
  try {
    const all = await rejudge({
      individuals,
      journal,
      objectives,
      budgetsMs: [2],
      table: 'other',
      excessShare,
      async latencies([gene]) {
        if (gene === dieAt) throw new Error('killed');
        asked.push(gene!);
        return [{ predictedMs: 1 + gene!, measuredMs: null }];
      },
    });
    return { all, asked };
  } finally {
    await journal.close();
  }
}

describe('rejudge', () => {
  it('keeps accuracies, and makes all that follows from latencies anew', async () => {
    const { all } = await run(join(temporaryFolder(), 'journal.jsonl'));
    expect(all.map(({ accuracy }) => accuracy)).toEqual([0.5, 0.6, 0.7]);
    expect(all.map(({ objectives: [, latency] }) => latency)).toEqual([1, 2, 3]);
    expect(all.map(({ violation }) => violation)).toEqual([0, 0, 0.5]);
    expect(all.every(({ seconds, table }) => seconds === 0 && table === 'other')).toBe(true);
  });

  it('counts what gates would have refused as a violation', async () => {
    const excessShare = ([gene]: readonly number[]) => gene! / 4;
    const { all } = await run(join(temporaryFolder(), 'journal.jsonl'), undefined, excessShare);
    expect(all.map(({ violation }) => violation)).toEqual([0, 0.25, 1]);
  });

  it('goes on where it was killed, and asks for nothing twice', async () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    await expect(run(path, 2)).rejects.toThrow('killed');
    const { all, asked } = await run(path);
    expect(asked).toEqual([2]);
    expect(all).toHaveLength(3);
  });
});
