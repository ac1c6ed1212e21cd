/**
 * Live: the connection to the cloud and the store that views read. Reads by HTTP what is watched, then applies pushed
 * events; after a lost connection it reads everything watched again.
 *
 *   connecting ─open─▶ live ─close─▶ lost ─(0.5 s … 10 s)─▶ connecting       any call answered 401 ─▶ unauthorized
 */
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import { createContext, use, useEffect, useSyncExternalStore } from 'react';
import { ApiFailure, callApi } from './api.js';
import { applyEvent, applySnapshot, emptyState, eventsAfter, type Snapshot, type State } from './state.js';

export type Connection = 'connecting' | 'live' | 'lost' | 'unauthorized';

/** What a view may watch: `devices`, `studies`, `latencies/<device id>`, `study/<study id>`. */
export type Resource = 'devices' | 'studies' | `latencies/${string}` | `study/${string}`;

export interface LiveState extends State {
  readonly connection: Connection;
  /** Why a resource could not be read. */
  readonly failures: ReadonlyMap<Resource, string>;
}

/** Views are drawn at most this often, however fast events come. */
const drawIntervalMs = 100;
const leastRetryMs = 500;
const mostRetryMs = 10_000;

export class Live {
  #state: LiveState = { ...emptyState, connection: 'connecting', failures: new Map() };
  #shown = this.#state;
  #drawing = false;
  #attempts = 0;
  readonly #listeners = new Set<() => void>();
  /** How many views watch each resource. */
  readonly #watched = new Map<Resource, number>();
  /** Events that arrived since each read in flight began. */
  readonly #reading = new Set<ApiEvent[]>();

  start(): void {
    const address = new URL('/api/events', location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    socket.onopen = () => {
      this.#attempts = 0;
      this.#set({ connection: 'live' });
      this.#readWatched();
    };
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data as string) as ApiEvent);
    socket.onclose = () => this.#lost();
  }

  /** Reads `resource` and keeps it fresh until the returned function is called. */
  watch(resource: Resource): () => void {
    const count = this.#watched.get(resource) ?? 0;
    this.#watched.set(resource, count + 1);
    if (count === 0) void this.#read(resource);
    return () => {
      const left = this.#watched.get(resource)! - 1;
      if (left > 0) this.#watched.set(resource, left);
      else this.#watched.delete(resource);
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): LiveState => this.#shown;

  #lost(): void {
    if (this.#state.connection === 'unauthorized') return;
    this.#set({ connection: 'lost' });
    // A refused upgrade looks like a lost one: a call by HTTP tells 401 from a cloud that is down.
    this.#readWatched();
    const delayMs = Math.min(mostRetryMs, leastRetryMs * 2 ** this.#attempts++) * (0.8 + 0.4 * Math.random());
    setTimeout(() => this.#state.connection !== 'unauthorized' && this.start(), delayMs);
  }

  #readWatched(): void {
    for (const resource of this.#watched.keys()) void this.#read(resource);
  }

  async #read(resource: Resource): Promise<void> {
    const since: ApiEvent[] = [];
    this.#reading.add(since);
    try {
      const snapshot = await readSnapshot(resource);
      const failures = new Map(this.#state.failures);
      failures.delete(resource);
      this.#set({ ...applySnapshot(this.#state, snapshot, eventsAfter(snapshot, since)), failures });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      const failures = new Map(this.#state.failures).set(resource, error.message);
      this.#set(error.status === 401 ? { connection: 'unauthorized' } : { failures });
    } finally {
      this.#reading.delete(since);
    }
  }

  #receive(event: ApiEvent): void {
    for (const since of this.#reading) since.push(event);
    this.#set(applyEvent(this.#state, event));
    if (event.type === 'studyChanged' && this.#watched.has(`study/${event.studyId}`))
      void this.#read(`study/${event.studyId}`);
  }

  #set(change: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      this.#drawing = false;
      this.#shown = this.#state;
      for (const listener of this.#listeners) listener();
    }, drawIntervalMs);
  }
}

async function readSnapshot(resource: Resource): Promise<Snapshot> {
  const slash = resource.indexOf('/');
  const [kind, id] = slash < 0 ? [resource, ''] : [resource.slice(0, slash), resource.slice(slash + 1)];
  switch (kind as Snapshot['kind']) {
    case 'devices':
      return { kind: 'devices', devices: await callApi('GET /api/devices') };
    case 'studies':
      return { kind: 'studies', studies: await callApi('GET /api/studies') };
    case 'latencies':
      return { kind: 'latencies', deviceId: id, latencies: await callApi('GET /api/devices/:id/latencies', { id }) };
    case 'study':
      return { kind: 'study', detail: await callApi('GET /api/studies/:id', { id }) };
  }
}

export const live = new Live();
export const LiveContext = createContext(live);

/** The store's state; keeps `resources` read and fresh while the view is shown. */
export function useLive(...resources: readonly Resource[]): LiveState {
  const store = use(LiveContext);
  const names = resources.join(' ');
  useEffect(() => {
    const stops = (names === '' ? [] : names.split(' ')).map((resource) => store.watch(resource as Resource));
    return () => {
      for (const stop of stops) stop();
    };
  }, [store, names]);
  return useSyncExternalStore(store.subscribe, store.snapshot);
}
