import { editDistance, nearestKey } from '@bespoke/cloud/yaml/keys.js';
import { describe, expect, it } from 'vitest';

describe('editDistance', () => {
  it.each([
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['flaw', 'lawn', 2],
    ['same', 'same', 0],
  ])('from %s to %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });
});

describe('nearestKey', () => {
  it('does not mind case', () => {
    expect(nearestKey('BUDGETMS', ['name', 'budgetMs', 'budgetFraction'])).toBe('budgetMs');
  });
});
