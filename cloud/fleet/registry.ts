/**
 * Registry: which agents are here and what each is doing. Gives the device's next job to an agent that says it is idle.
 *
 *   join ─▶ busy ─ready─▶ idle ─job─▶ measuring ─result─▶ busy ─ready─▶ …      leave from anywhere: the lease goes back
 */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { CloudByeReason, CloudMessage, ResultMessage } from '@bespoke/shared/protocol/agent.js';
import type { DeviceView } from '@bespoke/shared/protocol/api.js';
import type { Device } from '../store/devices.js';
import type { Store } from '../store/store.js';
import { describeWorkload } from './describe.js';
import type { JobQueue, Lease } from './queue.js';

/** The connection to an agent, as the fleet sees it. */
export interface AgentLink {
  send(message: CloudMessage): void;
  close(reason: CloudByeReason): void;
}

/** An agent that is here; made by `join`, handed to the other calls. */
export interface PresentAgent {
  readonly deviceId: string;
  readonly runtimes: readonly RuntimeKey[];
  readonly link: AgentLink;
  idle: boolean;
  lease: Lease | null;
}

export class Registry {
  readonly #agents = new Map<string, PresentAgent>();
  #closing = false;

  /** `onDevice` is called with a device's id whenever its view may have changed. */
  constructor(
    private readonly store: Pick<Store, 'devices' | 'jobs' | 'latencies'>,
    private readonly queue: JobQueue,
    private readonly onDevice: (deviceId: string) => void,
  ) {
    queue.subscribe((job) => {
      const agent = this.#agents.get(job.deviceId);
      if (job.state === 'queued' && agent) this.#dispatch(agent);
      onDevice(job.deviceId);
    });
  }

  /** Enters an agent; one that was here with the same id is sent away. */
  join(device: Device, link: AgentLink): PresentAgent {
    this.store.devices.save(device);
    const earlier = this.#agents.get(device.id);
    if (earlier) {
      this.leave(earlier, 'another agent connected with the same id');
      earlier.link.close('replaced');
    }
    const agent = { deviceId: device.id, runtimes: device.runtimes, link, idle: false, lease: null };
    this.#agents.set(device.id, agent);
    this.onDevice(device.id);
    return agent;
  }

  /** Takes an agent out and its job back, once. */
  leave(agent: PresentAgent, why: string): void {
    if (this.#agents.get(agent.deviceId) !== agent || this.#closing) return;
    this.#agents.delete(agent.deviceId);
    agent.idle = false;
    if (agent.lease) this.queue.giveBack(agent.lease, why);
    agent.lease = null;
    this.onDevice(agent.deviceId);
  }

  /** The agent is idle: its next job goes out now, or when there is one. */
  ready(agent: PresentAgent): void {
    agent.idle = true;
    this.#dispatch(agent);
  }

  /** Stores a result, then acknowledges it; one that came before is acknowledged again and changes nothing. */
  result(agent: PresentAgent, { jobId, leaseId, outcome }: ResultMessage): void {
    if (agent.lease?.id === leaseId) agent.lease = null;
    this.queue.complete(agent.deviceId, jobId, leaseId, outcome);
    agent.link.send({ type: 'resultAck', jobId });
  }

  /** The device as the dashboard shows it. */
  view(device: Device): DeviceView {
    const agent = this.#agents.get(device.id);
    return {
      ...device,
      online: agent !== undefined,
      currentJob: agent?.lease ? describeWorkload(agent.lease.job.workload) : null,
      measuredCount: this.store.latencies.count(device.id),
      pendingCount: this.store.jobs.countOpen(device.id),
    };
  }

  /** Says goodbye to all. Their leases stay stored: it is the cloud that goes, not they. */
  close(): void {
    this.#closing = true;
    for (const agent of this.#agents.values()) agent.link.close('closing');
  }

  #dispatch(agent: PresentAgent): void {
    if (!agent.idle || this.#closing) return;
    agent.idle = false; // before the queue speaks: it reports the lease to this registry, too
    const lease = this.queue.take(agent.deviceId, agent.runtimes, () => agent.link.close('leaseExpired'));
    agent.idle = lease === undefined;
    if (!lease) return;
    agent.lease = lease;
    const { id: jobId, runtime, workload } = lease.job;
    agent.link.send({ type: 'job', jobId, leaseId: lease.id, runtime, workload, timeoutMs: lease.timeoutMs });
    this.onDevice(agent.deviceId);
  }
}
