/**
 * The real cloud. Prints its address and a pairing code as a line of JSON; when told a number of workloads, it has them measured by the
 * first device that joins, and again those that failed because agents died under them. Arguments: data folder, port, number of workloads.
 */
import { startCloud } from '@bespoke/cloud/compose.js';

const [dataDirectory, port, count] = process.argv.slice(2);
const refuse = async () => {
  throw new Error('this cloud runs no studies');
};
const cloud = await startCloud({
  dataDirectory,
  port: Number(port),
  dashboardDirectory: dataDirectory,
  heartbeatMs: 200,
  studies: () => ({ create: refuse, estimate: refuse, cancel: refuse }),
});
process.stdout.write(`${JSON.stringify({ agentUrl: cloud.agentUrl, code: cloud.newPairingCode().code })}\n`);

const workloads = Array.from({ length: Number(count) }, (_, index) => ({
  kind: 'block',
  body: { kind: 'conv', outChannels: (index % 1000) + 1, kernelSize: 3, stride: 1, activation: 'relu' },
  inputShapes: [[8, 8, 3 + Math.floor(index / 1000)]],
  dtype: 'float32',
  batch: 1,
}));
if (workloads.length > 0) {
  while (cloud.store.devices.all().length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const [device] = cloud.store.devices.all();
  for (let failed = true; failed; ) {
    failed = false;
    await cloud.ensureMeasured(device.id, device.runtimes[0], workloads).catch((error) => {
      if (error.code !== 'MEASUREMENTS_FAILED') throw error;
      for (const { id } of cloud.store.jobs.quarantined()) cloud.store.jobs.release(id);
      failed = true;
    });
  }
}
