/** Where a study measures: from the devices that its specification names to those that are known, each with the runtime that it asks for. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { ResolvedSpec } from './search/spec.js';
import type { Device } from './store/devices.js';
import type { Store } from './store/store.js';

/** What a study measures with. */
export interface Place {
  readonly device: Device;
  readonly runtime: RuntimeKey;
}

/** What the study measures with: on its device, by name or id, or the only one; then on the others of its evolution. Throws `DEVICE_AMBIGUOUS`, `DEVICE_RUNTIME_MISSING`. */
export function placesFor(parts: { readonly store: Pick<Store, 'devices'> }, spec: ResolvedSpec): Place[] {
  const others = spec.method === 'eeea' ? spec.evolution.alsoOn : [];
  return [spec.device, ...others.map(({ device }) => device)].map((wanted) => placeFor(parts, spec, wanted));
}

/** The specification with its devices by their ids, which do not change. */
export function onDevices(spec: ResolvedSpec, device: string, others: readonly string[]): ResolvedSpec {
  const alsoOn = spec.evolution.alsoOn.map((other, index) => ({ ...other, device: others[index] ?? other.device }));
  return { ...spec, device, evolution: { ...spec.evolution, alsoOn } };
}

function placeFor(
  { store }: { readonly store: Pick<Store, 'devices'> },
  spec: ResolvedSpec,
  wanted: string | null,
): Place {
  const all = store.devices.all();
  const fitting = wanted === null ? all : all.filter(({ id, name }) => id === wanted || name === wanted);
  const [device] = fitting;
  if (!device || fitting.length > 1) {
    throw new AppError('DEVICE_AMBIGUOUS', { wanted, known: all.map(({ name }) => name) });
  }
  // An agent names the best delegate first; built-in kernels are measured for comparison, never stood on.
  const runtime = device.runtimes.find(
    (key) => key.runtime === spec.runtime && key.threads === spec.threads && key.delegate !== 'none',
  );
  if (!runtime) {
    const describe = (key: { runtime: string; threads: number }) => `${key.runtime} with ${key.threads} thread(s)`;
    const got = device.runtimes.map((key) => `${describe(key)} on ${key.delegate}`).join(', ') || 'none';
    throw new AppError('DEVICE_RUNTIME_MISSING', { device: device.name, expected: describe(spec), got });
  }
  return { device, runtime };
}
