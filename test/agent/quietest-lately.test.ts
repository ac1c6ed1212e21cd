import { QuietestLately } from '@bespoke/agent/quietest-lately.js';
import { describe, expect, it } from 'vitest';

const minute = 60_000;

describe('QuietestLately', () => {
  it('knows the least of this period of five minutes and the one before, and nothing older', () => {
    const lately = new QuietestLately();
    expect(lately.at(0)).toBeUndefined();
    lately.note(3, 0);
    lately.note(2, minute);
    lately.note(4, 4 * minute);
    expect(lately.at(4 * minute)).toBe(2);
    lately.note(5, 6 * minute);
    expect(lately.at(9 * minute)).toBe(2);
    expect(lately.at(12 * minute)).toBe(5);
    expect(lately.at(16 * minute)).toBeUndefined();
    lately.note(6, 61 * minute);
    expect(lately.at(61 * minute)).toBe(6);
  });
});
