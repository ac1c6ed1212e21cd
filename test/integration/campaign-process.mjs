/**
 * The real cloud, having workloads measured until measurements agree, as a study does. Says on stdout, a line each: its address and a pairing
 * code for every agent, as JSON; `begun` once all agents are here; every change of a job's state, with the key of its workload; `ended`.
 * Arguments: data folder, a file with the workloads as JSON, how many agents share the work.
 */
import { readFileSync } from 'node:fs';
import { startCloud } from '@bespoke/cloud/compose.js';
import { agreeing } from '@bespoke/cloud/fleet/campaign.js';

const [dataDirectory, workloadsPath, agentCount] = process.argv.slice(2);
const workloads = JSON.parse(readFileSync(workloadsPath, 'utf8'));
const refuse = async () => {
  throw new Error('this cloud runs no studies');
};
const cloud = await startCloud({
  dataDirectory,
  port: 0,
  dashboardDirectory: dataDirectory,
  studies: () => ({ create: refuse, estimate: refuse, cancel: refuse }),
});
const say = (line) => process.stdout.write(`${line}\n`);
const codes = Array.from({ length: Number(agentCount) }, () => cloud.newPairingCode().code);
say(JSON.stringify({ agentUrl: cloud.agentUrl, codes }));

/** The first device, once all are here as its twins, and the runtime that they measure on. */
async function fleet() {
  for (;;) {
    const [device] = cloud.store.devices.all();
    const runtime = device?.runtimes.find(({ delegate, threads }) => delegate === 'xnnpack' && threads === 1);
    if (runtime && cloud.registry.countTwins(device.id, runtime) === codes.length)
      return { deviceId: device.id, runtime };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const { deviceId, runtime } = await fleet();
cloud.queue.subscribe(({ state, key }) => say(`${state} ${key}`));
say('begun');
await cloud.ensureMeasured(deviceId, runtime, workloads, { settlement: agreeing });
say('ended');
