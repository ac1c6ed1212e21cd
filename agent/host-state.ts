/**
 * What the device was doing around a measurement: load, clocks, heat, power, and whether others took the processor away. Linux
 * tells; elsewhere most is null.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { HostState } from '@bespoke/shared/latency/measurement.js';

/** What the system tells; how fast the device was, only the measuring itself (pace.ts). */
export type SystemState = Omit<HostState, 'slowness' | 'quietestMs'>;

/** Where the device tells; tests bring their own. */
export interface HostSources {
  /** Folder that `sys`, `proc` and `dev` lie in. */
  readonly root: string;
  /** The Raspberry Pi's tool; asked only where `dev/vcio` is, by which it speaks to the firmware. */
  readonly vcgencmd: string;
  nowMs(): number;
}

const device: HostSources = { root: '', vcgencmd: 'vcgencmd', nowMs: () => performance.now() };

/** Call before measuring; the function it returns, after. */
export function watchHost(sources: HostSources = device): () => SystemState {
  const { root } = sources;
  const loadAverage = process.platform === 'win32' ? null : loadavg()[0]!;
  const frequencyBeforeMhz = frequencyMhz(root);
  const throttledSince = watchThrottling(sources);
  const waitedSince = watchWaiting(sources);
  return () => ({
    loadAverage,
    waitedShare: waitedSince(),
    frequencyBeforeMhz,
    frequencyAfterMhz: frequencyMhz(root),
    governor: read(`${root}/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor`),
    temperatureC: greatest(numbersIn(`${root}/sys/class/thermal`, /^thermal_zone\d+$/, 'temp', 1000)),
    throttled: throttledSince(),
    ...battery(root),
  });
}

function frequencyMhz(root: string): number | null {
  return greatest(numbersIn(`${root}/sys/devices/system/cpu`, /^cpu\d+$/, 'cpufreq/scaling_cur_freq', 1000));
}

/**
 * How long each thread of this process was ready to run and had no core: second number of its `schedstat`, nanoseconds. The
 * one that waited longest counts, for the others wait for it in turn.
 */
function watchWaiting({ root, nowMs }: HostSources): () => number | null {
  const waitedMs = () => {
    const folder = `${root}/proc/self/task`;
    const threads = entriesOf(folder, /^\d+$/).map((id): [string, number] => {
      return [id, Number(read(`${folder}/${id}/schedstat`)?.split(' ')[1] ?? Number.NaN) / 1e6];
    });
    return new Map(threads.filter(([, ms]) => Number.isFinite(ms)));
  };
  const [startMs, before] = [nowMs(), waitedMs()];
  return () => {
    const elapsedMs = nowMs() - startMs;
    const waits = [...waitedMs()].map(([id, ms]) => Math.max(0, ms - (before.get(id) ?? 0)));
    const longestMs = greatest(waits);
    return longestMs === null || elapsedMs <= 0 ? null : Math.min(1, longestMs / elapsedMs);
  };
}

/** Throttled: a counter of the processor rose, a cooling device slows it down now, or the Pi's firmware says that it does. */
function watchThrottling(sources: HostSources): () => boolean | null {
  const counts = () =>
    ['core_throttle_count', 'package_throttle_count'].flatMap((file) =>
      numbersIn(`${sources.root}/sys/devices/system/cpu`, /^cpu\d+$/, `thermal_throttle/${file}`),
    );
  const before = counts();
  return () => {
    const signs = [
      ...counts().map((count, index) => count > (before[index] ?? count)),
      ...coolingStates(sources.root).map((state) => state > 0),
      ...firmwareFlags(sources).map((flags) => (flags & throttledNow) !== 0),
    ];
    return signs.length === 0 ? null : signs.includes(true);
  };
}

/** States of the cooling devices that act on the processor's clock; 0 is full speed. */
function coolingStates(root: string): number[] {
  const folder = `${root}/sys/class/thermal`;
  return entriesOf(folder, /^cooling_device\d+$/)
    .filter((name) => /cpufreq|^Processor$/.test(read(`${folder}/${name}/type`) ?? ''))
    .flatMap((name) => numberIn(`${folder}/${name}/cur_state`));
}

/** Bits of `vcgencmd get_throttled`: voltage too low, clock capped, throttled, soft temperature limit; higher ones tell of the past. */
const throttledNow = 0xf;

function firmwareFlags({ root, vcgencmd }: HostSources): number[] {
  if (!existsSync(`${root}/dev/vcio`)) return [];
  try {
    const text = execFileSync(vcgencmd, ['get_throttled'], { encoding: 'utf8', timeout: 1000, stdio: 'pipe' });
    return [Number(text.trim().replace('throttled=', ''))].filter(Number.isFinite);
  } catch {
    return []; // no such tool, or not for this user
  }
}

/** Of the first battery that is not a mouse's or a pen's; a device on mains alone has none. */
function battery(root: string): Pick<HostState, 'batteryPercent' | 'charging'> {
  const folder = `${root}/sys/class/power_supply`;
  const name = entriesOf(folder, /./).find((entry) => {
    return read(`${folder}/${entry}/type`) === 'Battery' && read(`${folder}/${entry}/scope`) !== 'Device';
  });
  if (name === undefined) return { batteryPercent: null, charging: null };
  const status = read(`${folder}/${name}/status`);
  return {
    batteryPercent: greatest(numberIn(`${folder}/${name}/capacity`)),
    charging: status === null || status === 'Unknown' ? null : status !== 'Discharging',
  };
}

function greatest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

/** The numbers in `<folder>/<entry>/<file>` of all entries that match, divided. */
function numbersIn(folder: string, entry: RegExp, file: string, divisor = 1): number[] {
  return entriesOf(folder, entry).flatMap((name) =>
    numberIn(`${folder}/${name}/${file}`).map((value) => value / divisor),
  );
}

/** The number in a file, if there is one. */
function numberIn(path: string): number[] {
  const text = read(path);
  return text === null || text === '' || !Number.isFinite(Number(text)) ? [] : [Number(text)];
}

function entriesOf(folder: string, entry: RegExp): string[] {
  try {
    return readdirSync(folder).filter((name) => entry.test(name));
  } catch {
    return []; // not Linux
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null; // this device does not tell, or not to this user
  }
}
