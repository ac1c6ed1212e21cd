/**
 * The real cloud, for the benchmark of the fleet. It is told over the channel between parent and child to have workloads
 * measured, and tells what it has handed out and how much memory it holds. Arguments: data folder, port.
 */
import { startCloud } from '@bespoke/cloud/compose.js';

const [dataDirectory, port] = process.argv.slice(2);
const refuse = async () => {
  throw new Error('this cloud runs no studies');
};
const cloud = await startCloud({
  dataDirectory,
  port: Number(port),
  dashboardDirectory: dataDirectory,
  studies: () => ({ create: refuse, estimate: refuse, cancel: refuse }),
});

let grantedCount = 0;
cloud.queue.subscribe(({ state }) => {
  if (state === 'leased') grantedCount++;
});

/** `count` workloads for the first device of every class, none of which was asked for before `first`. */
async function measure({ first, count }) {
  const devices = new Map(cloud.store.devices.all().map((device) => [cloud.store.devices.classOf(device.id), device]));
  const workloads = Array.from({ length: count }, (_, index) => ({
    kind: 'block',
    body: { kind: 'conv', outChannels: 1 + ((first + index) % 1000), kernelSize: 3, stride: 1, activation: 'relu' },
    inputShapes: [[8, 8, 3 + Math.floor((first + index) / 1000)]],
    dtype: 'float32',
    batch: 1,
  }));
  for (const device of devices.values()) {
    void cloud.ensureMeasured(device.id, device.runtimes[0], workloads, { requester: device.id });
    await new Promise(setImmediate);
  }
}

const commands = {
  measure,
  figures: () => {
    const { rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return { grantedCount, rssBytes: rss, cpuMs: (user + system) / 1000 };
  },
};
process.on('message', async ({ id, command, input }) => {
  process.send({ id, result: await commands[command](input) });
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: { agentUrl: cloud.agentUrl } });
