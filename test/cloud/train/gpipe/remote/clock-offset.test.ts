import { ClockOffset } from '@bespoke/cloud/train/gpipe/remote/clock-offset.js';
import { describe, expect, it } from 'vitest';

describe('ClockOffset', () => {
  it('believes the quickest ping', () => {
    const clock = new ClockOffset();
    clock.add({ sentMs: 100, otherMs: 5109, receivedMs: 110 }); // delayed on its way there: off by 4
    clock.add({ sentMs: 200, otherMs: 5201, receivedMs: 202 });
    clock.add({ sentMs: 300, otherMs: 5302, receivedMs: 320 }); // and on its way back: off by -8
    expect(clock.toLocal(6000)).toBe(1000);
  });

  it('follows a clock that drifts: only the latest pings count', () => {
    const clock = new ClockOffset();
    clock.add({ sentMs: 0, otherMs: 0, receivedMs: 0 });
    for (let ping = 0; ping < 40; ping++) clock.add({ sentMs: 1000, otherMs: 1008, receivedMs: 1002 });
    expect(clock.toLocal(2007)).toBe(2000);
  });
});
