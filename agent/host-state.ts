/** What the device was doing around a measurement: load, clocks, governor, temperature. Linux tells; elsewhere most is null. */
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { HostState } from '@bespoke/shared/latency/measurement.js';

const cpus = '/sys/devices/system/cpu';
const thermal = '/sys/class/thermal';

/** Call before measuring; the function it returns, after. */
export function watchHost(): () => HostState {
  const before = {
    loadAverage: process.platform === 'win32' ? null : loadavg()[0]!,
    frequencyBeforeMhz: frequencyMhz(),
  };
  return () => ({
    ...before,
    frequencyAfterMhz: frequencyMhz(),
    governor: read(`${cpus}/cpu0/cpufreq/scaling_governor`),
    temperatureC: greatest(readAll(thermal, /^thermal_zone\d+$/, 'temp').map((milli) => milli / 1000)),
  });
}

function frequencyMhz(): number | null {
  return greatest(readAll(cpus, /^cpu\d+$/, 'cpufreq/scaling_cur_freq').map((kilohertz) => kilohertz / 1000));
}

function greatest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

/** The numbers in `<folder>/<entry>/<file>` of all entries that match. */
function readAll(folder: string, entry: RegExp, file: string): number[] {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch {
    return []; // not Linux
  }
  return entries
    .filter((name) => entry.test(name))
    .map((name) => Number(read(`${folder}/${name}/${file}`) ?? Number.NaN))
    .filter(Number.isFinite);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null; // this device does not tell, or not to this user
  }
}
