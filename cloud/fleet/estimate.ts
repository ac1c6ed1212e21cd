/** estimateCampaign: what a campaign would have to measure and how long that takes, from how long jobs took lately. */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Store } from '../store/store.js';
import { isSettled, type Settlement } from './campaign.js';
import { maxJobCount } from './sentinel.js';

export interface CampaignEstimate {
  readonly totalCount: number;
  /** Workloads that earlier measurements do not settle. */
  readonly missingCount: number;
  /** Measurements that these need at least. */
  readonly jobCount: number;
  /** With the devices that are here now, or with one; null where the class of devices has measured nothing yet. */
  readonly remainingMs: number | null;
}

/** The jobs whose durations say how long the next will take. */
const recentJobCount = 100;

/**
 * `keys` are workload keys, each once; `deviceCount` devices share the work. Others who ask for the same devices are not
 * reckoned with: with n of them it takes up to n + 1 times as long.
 */
export function estimateCampaign(
  store: Pick<Store, 'latencies' | 'leases' | 'devices'>,
  device: { readonly id: string; readonly runtime: RuntimeKey; readonly deviceCount: number },
  keys: Iterable<string>,
  settlement: Settlement,
): CampaignEstimate {
  const readings = store.latencies.readings(device.id, device.runtime);
  const known = [...keys].map((key) => readings.get(key) ?? []);
  const missing = known.filter((each) => !isSettled(each, settlement));
  const jobCount = missing.reduce((sum, each) => sum + Math.max(settlement.least - each.length, 1), 0);
  const deviceClass = store.devices.classOf(device.id) ?? '';
  const durationsMs = store.leases.recentMs(deviceClass, canonicalJson(device.runtime), recentJobCount);
  const meanMs = durationsMs.reduce((sum, ms) => sum + ms, 0) / durationsMs.length;
  const sentinelShare = 1 / maxJobCount;
  return {
    totalCount: known.length,
    missingCount: missing.length,
    jobCount,
    remainingMs:
      durationsMs.length === 0 ? null : (jobCount * meanMs * (1 + sentinelShare)) / Math.max(device.deviceCount, 1),
  };
}
