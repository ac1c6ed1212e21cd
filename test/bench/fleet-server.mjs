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

/** From an agent's `ready`, as it was read, to its job, as it is written: what the cloud itself takes. */
let withinMs = [];
const readMs = new WeakMap();
const ready = cloud.registry.ready.bind(cloud.registry);
cloud.registry.ready = (agent) => {
  if (!readMs.has(agent.link)) watchJobs(agent.link);
  readMs.set(agent.link, performance.now());
  ready(agent);
};
function watchJobs(link) {
  const send = link.send.bind(link);
  link.send = (message) => {
    send(message);
    if (message.type === 'job') withinMs.push(performance.now() - readMs.get(link));
  };
}

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

let utilization = performance.eventLoopUtilization();
const commands = {
  measure,
  /** `busyShare`: of the time since it was last asked, in which it computed or waited for the disk. */
  figures: () => {
    const { rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const within = withinMs;
    withinMs = [];
    const since = performance.eventLoopUtilization(utilization);
    utilization = performance.eventLoopUtilization();
    return {
      grantedCount,
      rssBytes: rss,
      cpuMs: (user + system) / 1000,
      systemCpuMs: system / 1000,
      withinMs: within,
      busyShare: since.utilization,
    };
  },
};
process.on('message', async ({ id, command, input }) => {
  process.send({ id, result: await commands[command](input) });
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: { agentUrl: cloud.agentUrl } });
