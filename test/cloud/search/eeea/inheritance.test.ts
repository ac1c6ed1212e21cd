import { existsSync, writeFileSync } from 'node:fs';
import { inheritedWeights } from '@bespoke/cloud/search/eeea/inheritance.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const space = { key: (genes: readonly number[]) => genes.join() };

describe('inheritedWeights', () => {
  it('begins with the parent that is most like the child, among those that have weights', () => {
    const folder = temporaryFolder();
    const of = (genes: number[], parents: number[][] = []) => inheritedWeights(folder, space, genes, parents);
    const child = [1, 2, 3];
    const [near, far] = [
      [1, 2, 0],
      [1, 0, 0],
    ];
    expect(of(child, [far, near]).from).toBeNull();
    writeFileSync(of(far).to, '');
    expect(of(child, [far, near]).from).toBe(of(far).to);
    writeFileSync(of(near).to, '');
    expect(of(child, [far, near]).from).toBe(of(near).to);
    expect(existsSync(of(child, [far, near]).to)).toBe(false);
  });

  it('has nothing to begin with where there are no parents', () => {
    expect(inheritedWeights(temporaryFolder(), space, [1], []).from).toBeNull();
  });
});
