/** startCloud: puts store, fleet and server together. Studies are plugged in by the caller, for nothing here knows how to search. */
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { ApiEvent, PairingCode } from '@bespoke/shared/protocol/api.js';
import { type Logger, pino } from 'pino';
import { type CloudConfig, type CloudSettings, parseConfig } from './config.js';
import { type CampaignOptions, type CampaignTarget, ensureMeasured, ensureMeasuredOnAll } from './fleet/campaign.js';
import { JobQueue } from './fleet/queue.js';
import { Registry } from './fleet/registry.js';
import { Access } from './server/access.js';
import { AgentAccess, newPairingCode } from './server/agent-access.js';
import type { StudyService } from './server/api.js';
import { EventHub } from './server/events.js';
import { createHttp } from './server/http.js';
import { StudyJournal } from './server/journal.js';
import { serveSockets } from './server/sockets.js';
import { lockDirectory } from './store/database.js';
import { openStore, type Store } from './store/store.js';

/** What a study service stands on. */
export interface CloudParts {
  readonly config: CloudConfig;
  readonly store: Store;
  readonly queue: JobQueue;
  readonly registry: Registry;
  readonly journal: StudyJournal;
  /** The device's table with an entry for every workload at least; see fleet/campaign.ts. */
  ensureMeasured(
    deviceId: string,
    runtime: RuntimeKey,
    workloads: readonly Workload[],
    options?: CampaignOptions,
  ): Promise<LatencyTable>;
  /** The same on several devices at once. */
  ensureMeasuredOnAll(
    targets: readonly CampaignTarget[],
    workloads: readonly Workload[],
    options?: CampaignOptions,
  ): Promise<LatencyTable[]>;
}

export interface Cloud extends CloudParts {
  /** `http://127.0.0.1:8420`, or https; also in the file `address` of the data folder. */
  readonly url: string;
  /** `ws://127.0.0.1:8420`, or wss: where agents of this machine find it. */
  readonly agentUrl: string;
  /** What lets one agent pair, once. */
  newPairingCode(): PairingCode;
  /** The address that signs a browser in, once. */
  newLoginUrl(): string;
  close(): Promise<void>;
}

export interface CloudOptions extends CloudSettings {
  /** Makes the study service; called once, before the server listens. */
  readonly studies: (parts: CloudParts) => StudyService;
  /** Silent unless given. */
  readonly log?: Logger;
}

/** How often to look whether the command line has revoked a device: at once, for people. */
const revokedCheckMs = 200;

/** Throws `CONFIG_INVALID`, `PLAIN_REFUSED`, `TLS_FILE_INVALID`, `STORE_IN_USE`, `STORE_TOO_NEW`, `PORT_IN_USE`. */
export async function startCloud({
  studies,
  log = pino({ level: 'silent' }),
  ...settings
}: CloudOptions): Promise<Cloud> {
  const config = parseConfig(settings);
  const unlock = lockDirectory(config.dataDirectory);
  try {
    const store = openStore(config.dataDirectory);
    try {
      return await start(config, store, studies, log, unlock);
    } catch (error) {
      store.close();
      throw error;
    }
  } catch (error) {
    unlock();
    throw error;
  }
}

async function start(
  config: CloudConfig,
  store: Store,
  studies: CloudOptions['studies'],
  log: Logger,
  unlock: () => void,
): Promise<Cloud> {
  const events = new EventHub();
  const queue = new JobQueue(store, config);
  const changed = deviceEvents(store, (id) => registry.view(store.devices.get(id)!), events);
  const registry: Registry = new Registry(store, queue, config, changed);
  queue.subscribe((job) => {
    if (!events.listening || (job.state !== 'provisional' && job.state !== 'measured')) return;
    events.publish({ type: 'latency', latency: store.latencies.get(job.deviceId, job.runtime, job.key)! });
  });
  const parts: CloudParts = {
    config,
    store,
    queue,
    registry,
    journal: new StudyJournal(store, events.publish),
    ensureMeasured: (deviceId, runtime, workloads, options) =>
      ensureMeasured({ store, queue }, deviceId, runtime, workloads, options),
    ensureMeasuredOnAll: (targets, workloads, options) =>
      ensureMeasuredOnAll({ store, queue }, targets, workloads, options),
  };
  const access = new Access(store.secrets, config);
  const agentAccess = new AgentAccess(store, changed);
  const app = await createHttp({ store, registry, studies: studies(parts), access, agentAccess, config, log });
  const closeSockets = serveSockets(app.server, { registry, access, agentAccess, events, config, log });
  await listen(app, config);
  const { url, agentUrl } = addresses(config, app.server.address() as AddressInfo);
  writeFileSync(join(config.dataDirectory, 'address'), `${url}\n`);
  const endCheckpoints = store.checkpointBeside();
  const revokedCheck = setInterval(() => agentAccess.sendAwayRevoked(), revokedCheckMs);
  return {
    ...parts,
    url,
    agentUrl,
    newPairingCode: () => newPairingCode(store.secrets),
    newLoginUrl: () => `${url}/#token=${access.newLoginToken()}`,
    async close() {
      clearInterval(revokedCheck);
      registry.close();
      queue.close();
      closeSockets();
      await app.close();
      await endCheckpoints();
      store.close();
      unlock();
    },
  };
}

/** Where people and this machine's agents find the cloud. */
function addresses({ host, tls }: CloudConfig, { port }: AddressInfo): Pick<Cloud, 'url' | 'agentUrl'> {
  const s = tls ? 's' : '';
  return {
    url: `http${s}://${hostFor(host, hostname())}:${port}`,
    agentUrl: `ws${s}://${hostFor(host, '127.0.0.1')}:${port}`,
  };
}

/** A host as a part of addresses; one that means every address of this machine becomes `anywhere`. */
function hostFor(host: string, anywhere: string): string {
  if (host === '0.0.0.0' || host === '::') return anywhere;
  return host.includes(':') ? `[${host}]` : host;
}

/** How long changes of devices are gathered before they are published. */
const gatherMs = 50;

/** Publishes devices whose view may have changed, each once however often it changed meanwhile; to nobody, nothing. */
function deviceEvents(
  store: Store,
  view: (id: string) => Extract<ApiEvent, { type: 'device' }>['device'],
  events: EventHub,
): (id: string) => void {
  const changed = new Set<string>();
  return (id) => {
    if (!events.listening) return;
    changed.add(id);
    if (changed.size > 1) return;
    setTimeout(() => {
      for (const device of changed) if (store.open) events.publish({ type: 'device', device: view(device) });
      changed.clear();
    }, gatherMs);
  };
}

async function listen(app: Awaited<ReturnType<typeof createHttp>>, { host, port }: CloudConfig): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new AppError('PORT_IN_USE', { host, port }, { cause });
  }
}
