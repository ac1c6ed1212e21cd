import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type HostSources, watchHost } from '@bespoke/agent/host-state.js';
import { unknownHost } from '@bespoke/shared/latency/measurement.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.js';

const cpu = 'sys/devices/system/cpu';
const thermal = 'sys/class/thermal';
const power = 'sys/class/power_supply';

/** A device that is a folder of files, and a clock to set. */
function fakeDevice(files: Readonly<Record<string, string>>) {
  const root = temporaryFolder();
  const write = (changed: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), `${text}\n`);
    }
  };
  write(files);
  const time = { nowMs: 0 };
  const sources: HostSources = { root, vcgencmd: join(root, 'vcgencmd'), nowMs: () => time.nowMs };
  return { root, write, time, sources };
}

/** All but the load average, which is this machine's. */
function told(after: ReturnType<typeof watchHost>) {
  const { loadAverage: _, ...rest } = after();
  return rest;
}

describe('watchHost', () => {
  it('tells null where the device does not tell', () => {
    const { loadAverage: _, slowness: __, quietestMs: ___, ...nothing } = unknownHost;
    expect(told(watchHost(fakeDevice({}).sources))).toEqual(nothing);
  });

  it('tells what the device tells, before and after', () => {
    const { sources, write } = fakeDevice({
      [`${cpu}/cpu0/cpufreq/scaling_cur_freq`]: '600000',
      [`${cpu}/cpu1/cpufreq/scaling_cur_freq`]: '1500000',
      [`${cpu}/cpu0/cpufreq/scaling_governor`]: 'schedutil',
      [`${thermal}/thermal_zone0/temp`]: '41000',
      [`${thermal}/thermal_zone1/temp`]: '48500',
    });
    const after = watchHost(sources);
    write({ [`${cpu}/cpu1/cpufreq/scaling_cur_freq`]: '1800000' });
    expect(told(after)).toMatchObject({
      frequencyBeforeMhz: 1500,
      frequencyAfterMhz: 1800,
      governor: 'schedutil',
      temperatureC: 48.5,
    });
  });

  it('tells how long the thread that waited most had no core', () => {
    const { sources, write, time } = fakeDevice({
      'proc/self/task/100/schedstat': '5000000 1000000 9',
      'proc/self/task/101/schedstat': '0 7000000 1',
    });
    const after = watchHost(sources);
    time.nowMs = 200;
    write({ 'proc/self/task/100/schedstat': '90000000 51000000 20', 'proc/self/task/101/schedstat': '0 8000000 3' });
    expect(told(after).waitedShare).toBeCloseTo(0.25, 9); // 50 of 200 ms
  });

  it('sees throttling by the counters of the processor, once they rise', () => {
    const counter = `${cpu}/cpu1/thermal_throttle/core_throttle_count`;
    const { sources, write } = fakeDevice({ [counter]: '3' });
    expect(watchHost(sources)().throttled).toBe(false);
    const after = watchHost(sources);
    write({ [counter]: '4' });
    expect(after().throttled).toBe(true);
  });

  it('sees throttling by a cooling device of the clock, not by a fan', () => {
    const { sources, write } = fakeDevice({
      [`${thermal}/cooling_device0/type`]: 'pwm-fan',
      [`${thermal}/cooling_device0/cur_state`]: '2',
      [`${thermal}/cooling_device1/type`]: 'cpufreq-cpu0',
      [`${thermal}/cooling_device1/cur_state`]: '0',
    });
    expect(watchHost(sources)().throttled).toBe(false);
    write({ [`${thermal}/cooling_device1/cur_state`]: '1' });
    expect(watchHost(sources)().throttled).toBe(true);
  });

  it.skipIf(process.platform === 'win32')(
    "asks the Pi's firmware, by a shell script here: now counts, the past does not",
    () => {
      const { root, sources, write } = fakeDevice({ vcgencmd: '#!/bin/sh\necho throttled=0x50000' });
      chmodSync(join(root, 'vcgencmd'), 0o755);
      expect(watchHost(sources)().throttled).toBeNull(); // not a Pi
      write({ 'dev/vcio': '' });
      expect(watchHost(sources)().throttled).toBe(false);
      write({ vcgencmd: '#!/bin/sh\necho throttled=0x50005' });
      expect(watchHost(sources)().throttled).toBe(true);
    },
  );

  it('tells the battery of the device, not that of its mouse', () => {
    const { sources, write } = fakeDevice({
      [`${power}/AC/type`]: 'Mains',
      [`${power}/mouse/type`]: 'Battery',
      [`${power}/mouse/scope`]: 'Device',
      [`${power}/mouse/capacity`]: '5',
    });
    expect(told(watchHost(sources))).toMatchObject({ batteryPercent: null, charging: null });
    const [type, capacity, status] = ['type', 'capacity', 'status'].map((file) => `${power}/BAT0/${file}`) as [
      string,
      string,
      string,
    ];
    write({ [type]: 'Battery', [capacity]: '80', [status]: 'Discharging' });
    expect(told(watchHost(sources))).toMatchObject({ batteryPercent: 80, charging: false });
    write({ [status]: 'Full' });
    expect(watchHost(sources)().charging).toBe(true);
  });
});
