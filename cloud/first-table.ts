/** The first latency table of a device: the blocks of the smallest preset at 32x32, once each, so that there is soon something to see; a study measures again what it stands on. */
import { isAppError } from '@bespoke/shared/base/errors.js';
import type { CloudParts } from './compose.js';
import { buildSpace } from './search/presets.js';
import { slotWorkloads } from './search/space.js';
import type { Device } from './store/devices.js';

const firstSpace = buildSpace({ preset: 'small' }, { height: 32, width: 32, channels: 3, classes: { length: 10 } });

/** Has the device measure them with the first of its runtimes; a block that fails is in the store with its reason, and holds nothing up. */
export async function measureFirstTable({ ensureMeasured }: CloudParts, device: Device): Promise<void> {
  const blocks = slotWorkloads(firstSpace)
    .flat()
    .filter(({ body }) => body.kind !== 'identity');
  try {
    await ensureMeasured(device.id, device.runtimes[0]!, blocks, { requester: 'first table' });
  } catch (error) {
    if (!isAppError(error, 'MEASUREMENTS_FAILED')) throw error;
    process.stderr.write(`${error.message}\n`);
  }
}
