/**
 * What the dashboard knows, and how snapshots (read by HTTP) and events (pushed) change it. Pure, so that every order of
 * arrival can be tested without a socket.
 *
 * Events that arrive while a snapshot is read are applied at once and again after it, so each must be harmless twice:
 * views, latencies and individuals replace, points are taken by step, log lines by overlap.
 */
import { describeRuntime, type LatencyEntry, type RuntimeKey } from '@bespoke/shared/latency/table.js';
import type {
  ApiEvent,
  DeviceView,
  EvolutionView,
  IndividualView,
  LatencyView,
  SearchPoint,
  StudyDetail,
  StudyView,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';
import { runtimeLabel } from './format.js';

/** By id; null until read. */
export interface State {
  readonly devices: ReadonlyMap<string, DeviceView> | null;
  readonly studies: ReadonlyMap<string, StudyView> | null;
  /** Per device, by runtime and workload key. */
  readonly latencies: ReadonlyMap<string, ReadonlyMap<string, LatencyView>>;
  readonly details: ReadonlyMap<string, StudyDetail>;
}

export type Snapshot =
  | { readonly kind: 'devices'; readonly devices: readonly DeviceView[] }
  | { readonly kind: 'studies'; readonly studies: readonly StudyView[] }
  | { readonly kind: 'latencies'; readonly deviceId: string; readonly latencies: readonly LatencyView[] }
  | { readonly kind: 'study'; readonly detail: StudyDetail };

export const emptyState: State = { devices: null, studies: null, latencies: new Map(), details: new Map() };

/** The state after a snapshot was read; `since` are the events that arrived while it was. */
export function applySnapshot(state: State, snapshot: Snapshot, since: readonly ApiEvent[] = []): State {
  return since.reduce(applyEvent, replace(state, snapshot));
}

function replace(state: State, snapshot: Snapshot): State {
  switch (snapshot.kind) {
    case 'devices':
      return { ...state, devices: byId(snapshot.devices) };
    case 'studies':
      return { ...state, studies: byId(snapshot.studies) };
    case 'latencies': {
      const latencies = new Map(snapshot.latencies.map((latency) => [latencyId(latency), latency]));
      return { ...state, latencies: withEntry(state.latencies, snapshot.deviceId, latencies) };
    }
    case 'study':
      return { ...state, details: withEntry(state.details, snapshot.detail.id, snapshot.detail) };
  }
}

type Handlers = { readonly [T in ApiEvent['type']]: (state: State, event: Extract<ApiEvent, { type: T }>) => State };

const handlers: Handlers = {
  // Before the first snapshot a list stays null: one of its views is not the list.
  device: (state, { device }) => ({ ...state, devices: state.devices && withEntry(state.devices, device.id, device) }),
  latency: (state, { latency }) => {
    const known = state.latencies.get(latency.deviceId);
    if (!known) return state;
    return {
      ...state,
      latencies: withEntry(state.latencies, latency.deviceId, withEntry(known, latencyId(latency), latency)),
    };
  },
  study: (state, { study }) => ({
    ...updateDetail(state, study.id, (detail) => ({ ...detail, ...study })),
    studies: state.studies && withEntry(state.studies, study.id, study),
  }),
  search: (state, { studyId, point, probabilities }) =>
    updateDetail(state, studyId, (detail) => {
      const searchPoints = withPoint<SearchPoint>(detail.searchPoints, point);
      return searchPoints === detail.searchPoints ? detail : { ...detail, searchPoints, probabilities };
    }),
  train: (state, { studyId, point }) =>
    updateDetail(state, studyId, (detail) => ({
      ...detail,
      trainPoints: withPoint<TrainPoint>(detail.trainPoints, point),
    })),
  pipelineStep: (state, { studyId, step }) =>
    updateDetail(state, studyId, (detail) => ({
      ...detail,
      pipeline: detail.pipeline && { ...detail.pipeline, step },
    })),
  individual: (state, { studyId, individual, refusedCounts }) =>
    updateDetail(state, studyId, (detail) => ({
      ...detail,
      evolution: detail.evolution && withIndividual(detail.evolution, individual, refusedCounts),
    })),
  // The store reads the study again; nothing changes before its answer.
  studyChanged: (state) => state,
  log: (state, { studyId, line }) =>
    updateDetail(state, studyId, (detail) => ({ ...detail, log: [...detail.log, line] })),
};

/** The state after one event. */
export function applyEvent(state: State, event: ApiEvent): State {
  return (handlers[event.type] as (state: State, event: ApiEvent) => State)(state, event);
}

/** The part of `lines` (which arrived while `log` was read) that `log` does not end with already. */
export function newLines(log: readonly string[], lines: readonly string[]): readonly string[] {
  for (let overlap = Math.min(log.length, lines.length); overlap > 0; overlap--) {
    const tail = log.slice(log.length - overlap);
    if (tail.every((line, index) => line === lines[index])) return lines.slice(overlap);
  }
  return lines;
}

/** The events that still count after a snapshot: log lines that it holds already are left out. */
export function eventsAfter(snapshot: Snapshot, events: readonly ApiEvent[]): readonly ApiEvent[] {
  if (snapshot.kind !== 'study') return events;
  const isLine = (event: ApiEvent) => event.type === 'log' && event.studyId === snapshot.detail.id;
  const lines = events
    .filter((event) => event.type === 'log')
    .filter(isLine)
    .map((event) => event.line);
  let known = lines.length - newLines(snapshot.detail.log, lines).length;
  return events.filter((event) => !isLine(event) || known-- <= 0);
}

/** One workload under one runtime of a device. */
export function latencyId(latency: LatencyView): string {
  return `${runtimeLabel(latency.runtime)} ${latency.key}`;
}

/** The names of all runtimes that these latencies were measured with; that of the fullest table first. */
export function measuredRuntimes(latencies: readonly LatencyView[]): string[] {
  const counts = new Map<string, number>();
  for (const { runtime } of latencies) {
    const label = runtimeLabel(runtime);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
}

function updateDetail(state: State, studyId: string, update: (detail: StudyDetail) => StudyDetail): State {
  const detail = state.details.get(studyId);
  return detail ? { ...state, details: withEntry(state.details, studyId, update(detail)) } : state;
}

/** Steps rise, so a point that is not beyond the last is one that was seen already. */
function withPoint<P extends { readonly step: number }>(points: readonly P[], point: P): readonly P[] {
  const last = points.at(-1);
  return last && point.step <= last.step ? points : [...points, point];
}

/** In the order of their indices. The counts grow with them, so those told of an individual that is not the newest are old. */
function withIndividual(
  evolution: EvolutionView,
  individual: IndividualView,
  refusedCounts: EvolutionView['refusedCounts'],
): EvolutionView {
  const { individuals } = evolution;
  const newest = individual.index > (individuals.at(-1)?.index ?? -1);
  const others = individuals.filter(({ index }) => index !== individual.index);
  return {
    ...evolution,
    individuals: [...others, individual].sort((a, b) => a.index - b.index),
    refusedCounts: newest ? refusedCounts : evolution.refusedCounts,
  };
}

function withEntry<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

function byId<V extends { readonly id: string }>(views: readonly V[]): ReadonlyMap<string, V> {
  return new Map(views.map((view) => [view.id, view]));
}

/** Latencies by workload key. Of several runtimes, the study's own counts; while that is not known, the first measured. */
export function tableOf(
  latencies: readonly LatencyView[],
  study: { readonly runtime: string; readonly threads: number } | null,
): ReadonlyMap<string, LatencyEntry> {
  const describe = (key: RuntimeKey) => ({ runtime: describeRuntime(key), threads: key.threads });
  const wanted = study ?? (latencies[0] && describe(latencies[0].runtime));
  const isWanted = (key: RuntimeKey) => key.threads === wanted?.threads && describeRuntime(key) === wanted.runtime;
  return new Map(latencies.filter(({ runtime }) => isWanted(runtime)).map((latency) => [latency.key, latency]));
}
