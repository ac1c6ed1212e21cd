import { pauseMs } from '@bespoke/agent/connection.js';
import { describeDevice } from '@bespoke/agent/device.js';
import { describe, expect, it } from 'vitest';

describe('pauseMs', () => {
  it('doubles with every failed attempt up to 30 s, spread over its upper half', () => {
    expect([0, 1, 2, 6, 7, 1000].map((attempts) => pauseMs(attempts, 0))).toEqual([
      125, 250, 500, 8000, 15_000, 15_000,
    ]);
    expect([0, 1, 2, 6, 7, 1000].map((attempts) => pauseMs(attempts, 1))).toEqual([
      250, 500, 1000, 16_000, 30_000, 30_000,
    ]);
  });
});

describe('describeDevice', () => {
  it('says what this machine is', () => {
    const info = describeDevice();
    expect(info).toMatchObject({ platform: process.platform, arch: process.arch });
    expect(info.cpuCount).toBeGreaterThanOrEqual(1);
    expect(info.memoryBytes).toBeGreaterThan(2 ** 20);
  });
});
