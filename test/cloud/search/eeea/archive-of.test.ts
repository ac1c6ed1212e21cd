import { checkArchive, rejudgingSpec } from '@bespoke/cloud/search/eeea/archive-of.js';
import { parseSpec, resolveSpec, writeSpec } from '@bespoke/cloud/search/spec.js';
import { describe, expect, it } from 'vitest';

const spec = resolveSpec(parseSpec('{version: 1, method: eeea, name: cells, device: pi, budgetMs: 2}'));
const finished = { status: 'finished', spec };
const again = rejudgingSpec('abc', finished);

describe('rejudgingSpec', () => {
  it('leaves open what it is for, can be read back, and passes the check', () => {
    expect(again).toMatchObject({ name: 'cells again', device: null, budgetMs: null, budgetFraction: null });
    const read = resolveSpec(parseSpec(writeSpec(again)));
    expect(read).toEqual({ ...again, budgetFraction: 0.5 });
    expect(resolveSpec(parseSpec(writeSpec(again).replace('budgetMs: null', 'budgetMs: 3'))).budgetMs).toBe(3);
    expect(() => checkArchive(read, finished)).not.toThrow();
  });
});

describe('checkArchive', () => {
  it('allows other devices, budgets, objectives and gates', () => {
    const evolution = { ...again.evolution, objectives: ['error', 'macs'] as const };
    expect(() =>
      checkArchive(
        {
          ...again,
          device: 'phone',
          budgetMs: 1,
          evolution: { ...evolution, objectives: ['error', 'macs'], gates: { ...evolution.gates, params: 1 } },
        },
        finished,
      ),
    ).not.toThrow();
  });

  const withEvolution = (more: object) => ({ ...again, evolution: { ...again.evolution, ...more } }) as typeof again;
  it.each([
    ['a study that is not known', again, null, 'there is no such study'],
    ['one by gradients', again, { ...finished, spec: resolveSpec({ version: 1 }) }, 'it evolved nothing'],
    ['one that still runs', again, { ...finished, status: 'running' }, 'it is running, not finished'],
    ['other data', { ...again, data: { ...again.data, source: 'cifar10' } }, finished, 'its "data" differs (of what'],
    [
      'other cells',
      withEvolution({ cells: { ...again.evolution.cells!, steps: 3 } }),
      finished,
      'its "evolution.cells" differs (of what',
    ],
    [
      'other trainings',
      withEvolution({ evaluation: { ...again.evolution.evaluation, steps: 7 } }),
      finished,
      'its "evolution.evaluation" differs (of what',
    ],
  ])('refuses %s', (_, wanted, archive, problem) => {
    expect(() => checkArchive(wanted, archive)).toThrow(`but of abc: ${problem}`);
  });
});
