/** estimateStudy: what a study would have to measure before it can search, and how long that takes. */
import { join } from 'node:path';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { EstimateView } from '@bespoke/shared/protocol/api.js';
import type { CloudConfig } from './config.js';
import { agreeing } from './fleet/campaign.js';
import { estimateCampaign } from './fleet/estimate.js';
import { pricedWorkloads } from './search/methods.js';
import { networkCounts } from './search/predictor.js';
import type { ResolvedSpec } from './search/spec.js';
import type { Device } from './store/devices.js';
import type { Store } from './store/store.js';
import { packDataset } from './train/data/pack.js';

/**
 * `deviceCount` devices share the work. Packs the study's data if that was not done before: its resolution and classes shape the blocks. Throws `DATA_*`.
 */
export async function estimateStudy(
  { store, config }: { readonly store: Store; readonly config: Pick<CloudConfig, 'dataDirectory'> },
  spec: ResolvedSpec,
  { device, runtime }: { readonly device: Device; readonly runtime: RuntimeKey },
  deviceCount: number,
): Promise<EstimateView> {
  const { source, resolution, ...shares } = spec.data;
  const directory = join(config.dataDirectory, 'datasets');
  const { manifest } = await packDataset(source, directory, { ...shares, resolution: resolution ?? undefined });
  const blocks = pricedWorkloads[spec.method](spec, manifest).map(workloadKey);
  // Which networks follow from what the blocks cost; they may be known, but cannot be looked up.
  const { fit, heldOut } = networkCounts(spec.minutes);
  const networks = Array.from({ length: fit + heldOut }, (_, index) => `network ${index}`);
  return estimateCampaign(store, { id: device.id, runtime, deviceCount }, [...blocks, ...networks], agreeing);
}
