import { agree, isOutdated, quietestFirst, slownessUncertainty, tookMs } from '@bespoke/shared/latency/reading.js';
import { describe, expect, it } from 'vitest';

const reading = (medianMs: number, slowness = 1) => ({ medianMs, slowness });

describe('quietestFirst', () => {
  it('takes what took the least time before anything was taken out, of equals the former', () => {
    const [slowed, quiet, disturbed] = [reading(1.9, 1.5), reading(2), reading(2.1)];
    expect(quietestFirst([slowed, disturbed, quiet])).toEqual([quiet, disturbed, slowed]);
    expect(tookMs(slowed)).toBeCloseTo(2.85, 12);
    const [a, b] = [reading(2), reading(1, 2)];
    expect(quietestFirst([b, a])[0]).toBe(b);
    expect(quietestFirst([])).toEqual([]);
  });
});

describe('agree', () => {
  it('asks for a share where nothing was taken out, in either order', () => {
    expect(agree(reading(2), reading(2.04), 0.02)).toBe(true);
    expect(agree(reading(2.041), reading(2), 0.02)).toBe(false);
    expect(agree(reading(0), reading(0), 0.02)).toBe(true);
    expect(agree(reading(0), reading(1e-6), 0.02)).toBe(false);
  });

  it('allows what is not known of what was taken out of the one that was slowed more', () => {
    const tolerance = 0.02 + 0.03 + 0.1 * Math.log(1.5);
    for (const order of [0, 1]) {
      const pair = (ms: number) => {
        const both = [reading(2), reading(ms, 1.5)];
        return agree(both[order]!, both[1 - order]!, 0.02);
      };
      expect(pair(2 * (1 + tolerance) - 1e-6)).toBe(true);
      expect(pair(2 * (1 + tolerance) + 1e-6)).toBe(false);
    }
  });
});

describe('isOutdated', () => {
  it('is so from 1% on', () => {
    expect([isOutdated(0.0403, 0.04), isOutdated(0.0405, 0.04), isOutdated(0.03, 0.04)]).toEqual([false, true, false]);
  });
});

describe('slownessUncertainty', () => {
  it('is nothing for a device at its quietest, at first all that was taken out, and from 3% on a tenth of the rest', () => {
    expect(slownessUncertainty(1)).toBe(0);
    expect(slownessUncertainty(1.02)).toBeCloseTo(0.022, 3);
    expect(slownessUncertainty(1.03)).toBeCloseTo(0.033, 3);
    expect(slownessUncertainty(Math.E)).toBeCloseTo(0.13, 12);
  });
});
