/**
 * Registry: which agents are here and what each is doing. Gives the next job of the device's class, or the sentinel, to an
 * agent that says it is idle. What agents say in one turn of the event loop is stored at once, and answered then (turn.ts).
 *
 *   join ─▶ busy ─ready─▶ idle ─task─▶ measuring ─result─▶ busy ─ready─▶ …      leave from anywhere: the lease goes back
 */
import { canonicalJson } from '@bespoke/shared/base/json.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { CloudByeReason, CloudMessage, ResultMessage } from '@bespoke/shared/protocol/agent.js';
import type { DeviceView } from '@bespoke/shared/protocol/api.js';
import type { CloudConfig } from '../config.js';
import type { Device } from '../store/devices.js';
import { sentinel } from '../store/sentinel.js';
import type { Store } from '../store/store.js';
import { BlockKeeper, type Task } from './blocks.js';
import { describeWorkload } from './describe.js';
import { entry } from './entry.js';
import type { JobQueue, Worker } from './queue.js';
import { Turn } from './turn.js';

/** The connection to an agent, as the fleet sees it. */
export interface AgentLink {
  /** Its device is stored. */
  welcome(deviceId: string): void;
  send(message: CloudMessage): void;
  close(reason: CloudByeReason): void;
  /** Ends it: what the agent sent cannot be dealt with. */
  refuse(error: unknown): void;
}

/** An agent that is here; made by `join`, handed to the other calls. */
export interface PresentAgent extends Worker {
  readonly runtimes: readonly RuntimeKey[];
  readonly link: AgentLink;
  deviceClass: string;
  task: Task | null;
  /** When the sentinel at hand has taken too long. */
  sentinelExpiry: NodeJS.Timeout | undefined;
}

type RegistryStore = Pick<Store, 'devices' | 'jobs' | 'latencies' | 'blocks' | 'transaction' | 'open'>;

export class Registry {
  readonly #agents = new Map<string, PresentAgent>();
  /** Those that are idle, by class. */
  readonly #idle = new Map<string, Set<PresentAgent>>();
  readonly #blocks: BlockKeeper;
  readonly #turn: Turn;
  #closing = false;

  /** `onDevice` is called with a device's id whenever its view may have changed. */
  constructor(
    private readonly store: RegistryStore,
    private readonly queue: JobQueue,
    private readonly settings: Pick<CloudConfig, 'jobTimeoutMs' | 'leaseGraceMs'>,
    private readonly onDevice: (deviceId: string) => void,
  ) {
    this.#blocks = new BlockKeeper(store, queue, settings);
    this.#turn = new Turn(store);
    queue.subscribe((job) => {
      if (job.state === 'queued') this.#wake(job);
      onDevice(job.deviceId);
    });
  }

  /** Enters an agent; one that was here with the same id is sent away. */
  join(device: Device, link: AgentLink): PresentAgent {
    const earlier = this.#agents.get(device.id);
    if (earlier) {
      this.leave(earlier, 'another agent connected with the same id');
      earlier.link.close('replaced');
    }
    const { id: deviceId, runtimes } = device;
    const agent: PresentAgent = {
      deviceId,
      deviceClass: '',
      runtimes,
      link,
      task: null,
      sentinelExpiry: undefined,
    };
    this.#agents.set(deviceId, agent);
    this.#do(agent, () => {
      const known = this.store.devices.classOf(deviceId);
      this.store.devices.save(device);
      agent.deviceClass = this.store.devices.classOf(deviceId)!;
      if (known !== undefined && known !== agent.deviceClass) this.queue.reload();
      this.#blocks.joined(deviceId);
      this.#turn.answer(() => link.welcome(deviceId));
      this.onDevice(deviceId);
    });
    return agent;
  }

  /** Takes an agent out and its job back, once. `onPurpose`: it said goodbye, so its job is not to blame. */
  leave(agent: PresentAgent, why: string, onPurpose = false): void {
    if (this.#agents.get(agent.deviceId) !== agent || this.#closing) return;
    this.#agents.delete(agent.deviceId);
    this.#idle.get(agent.deviceClass)?.delete(agent);
    this.#do(agent, () => {
      const { task } = agent;
      this.#endTask(agent);
      if (task?.kind === 'job') this.queue.giveBack(task.lease, onPurpose ? null : why);
      this.#blocks.left(agent.deviceId);
      this.#wake(agent); // what it was about to take
      this.onDevice(agent.deviceId);
    });
  }

  /** The agent is idle: its next job goes out now, or when there is one. */
  ready(agent: PresentAgent): void {
    this.#do(agent, () => this.#dispatch(agent));
  }

  /** Stores a result, then acknowledges it; one that came before is acknowledged again and changes nothing. */
  result(agent: PresentAgent, message: ResultMessage): void {
    this.#do(agent, () => this.#result(agent, message));
  }

  /** The device as the dashboard shows it. */
  view(device: Device): DeviceView {
    const agent = this.#agents.get(device.id);
    return {
      ...device,
      online: agent !== undefined,
      currentJob: agent?.task ? describeTask(agent.task) : null,
      measuredCount: this.store.latencies.count(device.id),
      pendingCount: this.store.jobs.countOpen(device.id),
    };
  }

  /** How many devices are here that measure for this one. */
  countTwins(deviceId: string, runtime: RuntimeKey): number {
    const deviceClass = this.store.devices.classOf(deviceId);
    const wanted = canonicalJson(runtime);
    const offers = (agent: PresentAgent) => agent.runtimes.some((offered) => canonicalJson(offered) === wanted);
    return [...this.#agents.values()].filter((agent) => agent.deviceClass === deviceClass && offers(agent)).length;
  }

  /** Says goodbye to all. Their leases stay stored: it is the cloud that goes, not they. */
  close(): void {
    this.#closing = true;
    this.#blocks.close();
    for (const agent of this.#agents.values()) {
      clearTimeout(agent.sentinelExpiry);
      agent.link.close('closing');
    }
  }

  #do(agent: PresentAgent, work: () => void): void {
    this.#turn.add(work, (error) => agent.link.refuse(error));
  }

  #result(agent: PresentAgent, { jobId, leaseId, outcome }: ResultMessage): void {
    const { task } = agent;
    const isSentinel = task?.kind === 'sentinel' && task.id === leaseId;
    if (isSentinel || (task?.kind === 'job' && task.lease.id === leaseId)) this.#endTask(agent);
    if (isSentinel) this.#blocks.sentinelDone(agent.deviceId, outcome);
    else if (this.queue.complete(agent.deviceId, jobId, leaseId, outcome)) this.#blocks.measured(agent.deviceId);
    this.#turn.answer(() => agent.link.send({ type: 'resultAck', jobId }));
    this.onDevice(agent.deviceId);
  }

  #dispatch(agent: PresentAgent): void {
    if (this.#closing || agent.task || this.#agents.get(agent.deviceId) !== agent) return;
    const expired = () => agent.link.close('leaseExpired');
    const task = this.#blocks.next(agent, agent.runtimes, expired);
    if (!task) {
      entry(this.#idle, agent.deviceClass, () => new Set<PresentAgent>()).add(agent);
      return;
    }
    agent.task = task;
    const { jobTimeoutMs, leaseGraceMs } = this.settings;
    if (task.kind === 'sentinel') agent.sentinelExpiry = setTimeout(expired, jobTimeoutMs + leaseGraceMs);
    this.#turn.answer(() => agent.link.send(messageOf(task, jobTimeoutMs)));
    this.onDevice(agent.deviceId);
  }

  #endTask(agent: PresentAgent): void {
    agent.task = null;
    clearTimeout(agent.sentinelExpiry);
  }

  /** Something waits: an idle device of its class takes it up, the one whose table it is for before its twins. */
  #wake(worker: Worker): void {
    const idle = this.#idle.get(worker.deviceClass);
    if (!idle) return;
    const takesUp = (agent: PresentAgent) => {
      if (!this.queue.peek(agent, agent.runtimes)) return false;
      idle.delete(agent);
      this.#do(agent, () => this.#dispatch(agent));
      return true;
    };
    const own = this.#agents.get(worker.deviceId);
    if (own && idle.has(own) && takesUp(own)) return;
    for (const agent of idle) if (takesUp(agent)) return;
  }
}

function describeTask(task: Task): string {
  return task.kind === 'job' ? describeWorkload(task.lease.job.workload) : 'the sentinel';
}

function messageOf(task: Task, timeoutMs: number): CloudMessage {
  if (task.kind === 'sentinel') {
    const { id, runtime } = task;
    return { type: 'job', jobId: id, leaseId: id, runtime, workload: sentinel, timeoutMs };
  }
  const { id: leaseId, job } = task.lease;
  return { type: 'job', jobId: job.id, leaseId, runtime: job.runtime, workload: job.workload, timeoutMs };
}
