/** startCloud: puts store, fleet and server together. Studies are plugged in by the caller, for nothing here knows how to search. */
import type { AddressInfo } from 'node:net';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { LatencyTable, RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import { type Logger, pino } from 'pino';
import { type CloudConfig, type CloudSettings, parseConfig } from './config.js';
import { type CampaignOptions, ensureMeasured } from './fleet/campaign.js';
import { JobQueue } from './fleet/queue.js';
import { Registry } from './fleet/registry.js';
import { Access } from './server/access.js';
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
}

export interface Cloud extends CloudParts {
  /** `http://127.0.0.1:8420` */
  readonly url: string;
  /** `ws://127.0.0.1:8420`: what agents are given. */
  readonly agentUrl: string;
  readonly agentTokenPath: string;
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

/** Throws `CONFIG_INVALID`, `STORE_IN_USE`, `STORE_TOO_NEW`, `PORT_IN_USE`. */
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
  const registry: Registry = new Registry(
    store,
    queue,
    config,
    deviceEvents(store, (id) => registry.view(store.devices.get(id)!), events),
  );
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
  };
  const access = new Access(store.secrets, config);
  const { dashboardDirectory } = config;
  const app = await createHttp({ store, registry, studies: studies(parts), access, dashboardDirectory, log });
  const closeSockets = serveSockets(app.server, { registry, access, events, config, log });
  await listen(app, config);
  const { port } = app.server.address() as AddressInfo;
  const address = `${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  return {
    ...parts,
    url: `http://${address}`,
    agentUrl: `ws://${address}`,
    agentTokenPath: access.agentTokenPath,
    newLoginUrl: () => `http://${address}/?token=${access.newLoginToken()}`,
    async close() {
      registry.close();
      queue.close();
      closeSockets();
      await app.close();
      store.close();
      unlock();
    },
  };
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
