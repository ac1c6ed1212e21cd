import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from '@bespoke/cloud/search/eeea/journal.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';
import { testIndividual } from '../../../support/individual.js';

const individual = (index: number) => ({ ...testIndividual, index });

describe('Journal', () => {
  it('gives back what was appended', async () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    const first = await Journal.open(path);
    await first.append(individual(0));
    await first.append(individual(1));
    await first.close();
    const second = await Journal.open(path);
    expect(second.individuals).toEqual([individual(0), individual(1)]);
    await second.close();
  });

  it('cuts half a line off, and goes on behind the last whole one', async () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    writeFileSync(path, `${JSON.stringify(individual(0))}\n`);
    appendFileSync(path, JSON.stringify(individual(1)).slice(0, 30));
    const journal = await Journal.open(path);
    expect(journal.individuals).toEqual([individual(0)]);
    await journal.append(individual(1));
    await journal.close();
    expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(individual(0))}\n${JSON.stringify(individual(1))}\n`);
  });

  it.each([
    ['a line that is no JSON', 'not JSON\n', 'line 2: no JSON'],
    ['a line of another journal', `${JSON.stringify(individual(7))}\n`, 'line 2: expected individual 1, but got 7'],
  ])('names %s', async (_, line, problem) => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    writeFileSync(path, `${JSON.stringify(individual(0))}\n${line}`);
    await expect(Journal.open(path)).rejects.toThrow(problem);
  });
});
