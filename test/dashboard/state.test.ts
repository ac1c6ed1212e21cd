/** The dashboard's store: snapshots and events in any order give the state that the cloud has. */
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import {
  applyEvent,
  applySnapshot,
  emptyState,
  eventsAfter,
  newLines,
  type State,
  tableOf,
} from '../../cloud/dashboard/state.js';
import { lineOf, lineRange } from '../../cloud/dashboard/yaml-lines.js';
import { evolutionStudy, individuals, refusedCounts } from './evolution-scenario.js';
import { device, deviceId, latencies, probabilitiesAt, searchPoint, study, studyId, trainPoint } from './scenario.js';

const loaded: State = applySnapshot(applySnapshot(emptyState, { kind: 'studies', studies: [study] }), {
  kind: 'study',
  detail: study,
});
const search = (step: number): ApiEvent => ({
  type: 'search',
  studyId,
  point: searchPoint(step),
  probabilities: probabilitiesAt(step),
});

describe('applyEvent', () => {
  it('leaves a list unread until its snapshot', () => {
    expect(applyEvent(emptyState, { type: 'device', device }).devices).toBeNull();
    const read = applySnapshot(emptyState, { kind: 'devices', devices: [] });
    expect([...applyEvent(read, { type: 'device', device }).devices!.keys()]).toEqual([deviceId]);
  });

  it('replaces a workload that is measured again', () => {
    const [latency] = latencies as [(typeof latencies)[0]];
    const read = applySnapshot(emptyState, { kind: 'latencies', deviceId, latencies: [latency] });
    const again = applyEvent(read, { type: 'latency', latency: { ...latency, medianMs: 9 } });
    expect([...again.latencies.get(deviceId)!.values()].map(({ medianMs }) => medianMs)).toEqual([9]);
  });

  it('keeps one table per runtime', () => {
    const [latency] = latencies as [(typeof latencies)[0]];
    const read = applySnapshot(emptyState, { kind: 'latencies', deviceId, latencies: [latency] });
    const other = { ...latency, runtime: { ...latency.runtime, threads: 1 } };
    expect(applyEvent(read, { type: 'latency', latency: other }).latencies.get(deviceId)!.size).toBe(2);
  });

  it('takes points by rising step, each once', () => {
    const state = [search(1), search(2), search(2), search(1), search(3)].reduce(applyEvent, loaded);
    const detail = state.details.get(studyId)!;
    expect(detail.searchPoints.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(detail.probabilities).toEqual(probabilitiesAt(3));
  });

  it("updates a study's list entry and its page together", () => {
    const {
      specYaml: _,
      slots: _s,
      probabilities: _p,
      searchPoints: _sp,
      trainPoints: _t,
      evolution: _e,
      network: _n,
      log: _l,
      ...view
    } = study;
    const state = applyEvent(loaded, { type: 'study', study: { ...view, phase: 'train', progress: 0.5 } });
    expect(state.studies!.get(studyId)).toMatchObject({ phase: 'train', progress: 0.5 });
    expect(state.details.get(studyId)).toMatchObject({ phase: 'train', progress: 0.5, log: study.log });
  });

  it('takes individuals by index, each once, and the refused with the newest', () => {
    const evolving = applySnapshot(emptyState, { kind: 'study', detail: evolutionStudy(2) });
    const told = (index: number, known: number): ApiEvent => ({
      type: 'individual',
      studyId,
      individual: individuals[index]!,
      refusedCounts: { ...refusedCounts, 'known already': known },
    });
    const state = [told(2, 48), told(3, 50), told(2, 48), told(0, 47)].reduce(applyEvent, evolving);
    const { evolution } = state.details.get(studyId)!;
    expect(evolution!.individuals).toEqual(individuals.slice(0, 4));
    expect(evolution!.refusedCounts['known already']).toBe(50);
    const again = applyEvent(state, { ...told(1, 47), individual: { ...individuals[1]!, seconds: 9 } } as ApiEvent);
    expect(again.details.get(studyId)!.evolution!.individuals.map(({ seconds }) => seconds)[1]).toBe(9);
  });

  it('has nowhere to put individuals before the evolution is read', () => {
    const event = { type: 'individual', studyId, individual: individuals[0]!, refusedCounts } as const;
    expect(applyEvent(loaded, event).details.get(studyId)!.evolution).toBeNull();
  });

  it('ignores studies and devices that nobody reads', () => {
    const events: ApiEvent[] = [
      search(1),
      { type: 'train', studyId, point: trainPoint(1) },
      { type: 'log', studyId, line: 'x' },
    ];
    expect(events.reduce(applyEvent, emptyState)).toEqual(emptyState);
  });
});

describe('applySnapshot', () => {
  it('keeps what arrived while it was read', () => {
    const state = applySnapshot(loaded, { kind: 'study', detail: { ...study, searchPoints: [searchPoint(1)] } }, [
      search(1),
      search(2),
    ]);
    expect(state.details.get(studyId)!.searchPoints.map(({ step }) => step)).toEqual([1, 2]);
  });
});

describe('eventsAfter', () => {
  it('leaves out log lines that the snapshot has', () => {
    const line = (text: string): ApiEvent => ({ type: 'log', studyId, line: text });
    const snapshot = { kind: 'study', detail: { ...study, log: ['a', 'b'] } } as const;
    expect(eventsAfter(snapshot, [line('b'), search(1), line('c')])).toEqual([search(1), line('c')]);
  });
});

describe('newLines', () => {
  it('takes the longest overlap', () => {
    expect(newLines(['a', 'b', 'b'], ['b', 'b', 'c'])).toEqual(['c']);
    expect(newLines(['a'], ['b'])).toEqual(['b']);
    expect(newLines([], ['a'])).toEqual(['a']);
    expect(newLines(['a', 'b'], [])).toEqual([]);
  });
});

describe('lineOf', () => {
  it("reads the line out of the server's sentence", () => {
    expect(lineOf('line 12: unknown key "sede"')).toBe(12);
    expect(lineOf('the cloud does not answer')).toBeNull();
  });
});

describe('lineRange', () => {
  it('says where a line starts and ends', () => {
    expect([lineRange('ab\ncde\nf', 1), lineRange('ab\ncde\nf', 2), lineRange('ab', 9)]).toEqual([
      [0, 2],
      [3, 6],
      [3, 3],
    ]);
  });
});

describe('tableOf', () => {
  const [latency] = latencies as [(typeof latencies)[0]];
  const onnx = { ...latency, medianMs: 9, runtime: { ...latency.runtime, runtime: 'onnx', delegate: 'cpu' } as const };
  const one = { ...latency, medianMs: 8, runtime: { ...latency.runtime, threads: 1 } };
  const { threads } = latency.runtime;

  // Devices with several runtimes at one number of threads: the last measured won, whichever runtime the study was on.
  it("takes what the study's own runtime measured", () => {
    const table = tableOf([latency, one, onnx], { runtime: 'tflite 2.9.0 xnnpack', threads });
    expect([...table.values()].map(({ medianMs }) => medianMs)).toEqual([latency.medianMs]);
    expect(tableOf([latency, one, onnx], { runtime: 'onnx 2.9.0 cpu', threads }).get(latency.key)!.medianMs).toBe(9);
  });

  it("takes the first measured runtime while the study's is not known", () => {
    expect(tableOf([one, latency, onnx], null).get(latency.key)!.medianMs).toBe(8);
    expect(tableOf([], null).size).toBe(0);
  });
});
