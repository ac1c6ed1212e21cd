import { join } from 'node:path';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { costQuantile, EarlyExit } from '@bespoke/cloud/search/eeea/early-exit.js';
import { frontOf } from '@bespoke/cloud/search/eeea/finalists.js';
import { Journal, type JournaledIndividual } from '@bespoke/cloud/search/eeea/journal.js';
import { objectivesOf, paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { type Evolution, type EvolutionSettings, evolve } from '@bespoke/cloud/search/eeea/search.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const shape = { height: 16, width: 16, channels: 3, classes: { length: 10 } };
const space = openCells(
  resolveCells({ preset: 'cells', steps: 2, cells: 3, ops: ['skip_connect', 'sep_conv_3x3', 'max_pool_3x3'] }),
  shape,
);
const params = paramsOf(space);
const devices = [{ name: 'pretend', budgetMs: 1, weight: 1 }];
const objectives = objectivesOf(['error', 'latency'], {
  space,
  devices,
  mix: 'each',
  limits: { latency: true, paramsBelow: null },
});
/** A device on which parameters are all that takes time. */
const predictMs = (genes: readonly number[]) => params(genes) / 20_000;

const settings: EvolutionSettings = {
  seed: 5,
  mode: 'generational',
  populationSize: 6,
  evaluationCount: 30,
  crossoverProbability: 0.9,
  mutatedGroupCount: 1,
  candidateCount: 4,
  zeroCostQuantile: null,
  curveQuantile: 0.25,
};

/** Trains nobody: a score and an accuracy that follow from the genes, after as many turns of the event loop as they say. */
function pretend(trained: string[]): Evolution['evaluate'] {
  return async (genes, standards) => {
    const key = space.key(genes);
    const zeroCostScore = 100 * randomStream(0, 'score', key).uniform();
    const scored = { zeroCostScore, scoringSeconds: 0.1 };
    if (standards.zeroCostScore !== null && zeroCostScore < standards.zeroCostScore) {
      return { evaluation: null, probeAccuracy: null, ...scored, seconds: 0.1 };
    }
    trained.push(key);
    const stream = randomStream(0, 'pretend', key);
    const accuracy = 0.3 + 0.5 * stream.uniform();
    for (let turn = stream.integer(20); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    const probeAccuracy = accuracy / 2;
    const isEnded = standards.probeAccuracy !== null && probeAccuracy < standards.probeAccuracy;
    return { evaluation: isEnded ? null : { accuracy, loss: 1, count: 100 }, probeAccuracy, ...scored, seconds: 1 };
  };
}

interface Run {
  readonly path: string;
  readonly trained?: string[];
  readonly gates?: EarlyExit;
  readonly settings?: Partial<EvolutionSettings>;
  readonly workerCount?: number;
  /** Dies when so many individuals count. */
  readonly stopAt?: number;
  /** Is asked to end when so many count. */
  readonly endAt?: number;
}

async function run({
  path,
  trained = [],
  workerCount = 3,
  stopAt,
  endAt,
  gates,
  ...rest
}: Run): Promise<readonly JournaledIndividual[]> {
  const journal = await Journal.open(path);
  const abort = new AbortController();
  const stop = new AbortController();
  try {
    return await evolve({
      space,
      objectives,
      budgetsMs: [1],
      gates: gates ?? new EarlyExit({ params: null, latencies: [{ predictMs, budgetMs: 1, marginShare: 0.05 }] }),
      settings: { ...settings, ...rest.settings },
      workerCount,
      journal,
      table: 'pretend',
      evaluate: pretend(trained),
      predictLatenciesMs: (genes) => [predictMs(genes)],
      latencies: async (genes) => [{ predictedMs: predictMs(genes), measuredMs: null }],
      onIndividual: ({ index }) => {
        if (index + 1 === stopAt) abort.abort();
        if (index + 1 === endAt) stop.abort();
      },
      signal: abort.signal,
      stop: stop.signal,
    });
  } finally {
    await journal.close();
  }
}

const newJournal = () => join(temporaryFolder(), 'journal.jsonl');
/** What an archive is, whatever the order in which evaluations ended. */
const archiveOf = (individuals: readonly JournaledIndividual[]) =>
  frontOf(individuals)
    .map(({ genes, objectives: values }) => JSON.stringify([genes, values]))
    .sort();
const genesOf = (individuals: readonly JournaledIndividual[]) => individuals.map(({ genes }) => genes.join()).sort();

describe('evolve', () => {
  it('trains no network twice, and none that its gates refuse', async () => {
    const trained: string[] = [];
    const gates = new EarlyExit({ params: null, latencies: [{ predictMs, budgetMs: 1, marginShare: 0 }] });
    const individuals = await run({ path: newJournal(), trained, gates });
    expect(individuals).toHaveLength(30);
    expect(new Set(trained).size).toBe(30);
    expect(trained).toHaveLength(30);
    expect(Math.max(...individuals.map(({ genes }) => predictMs(genes)))).toBeLessThanOrEqual(1);
    expect(gates.refusedCounts.latency).toBeGreaterThan(0);
  });

  it('tells who the parents were', async () => {
    const individuals = await run({ path: newJournal() });
    const [first, later] = [individuals.slice(0, 6), individuals.slice(6)];
    expect(first.every(({ parents, generation }) => parents.length === 0 && generation === 0)).toBe(true);
    for (const { parents, generation } of later) {
      expect(parents).toHaveLength(2);
      for (const parent of parents) expect(individuals[parent]!.generation).toBeLessThan(generation);
    }
  });

  it('ends the training of what learns slower than a quarter of those before that cost no more', async () => {
    const individuals = await run({ path: newJournal() });
    for (const { genes, generation, standards } of individuals) {
      const company = individuals.filter(
        (other) => other.generation < generation && predictMs(other.genes) <= predictMs(genes),
      );
      if (company.length < 4) expect(standards.probeAccuracy).toBeNull();
      else {
        const sorted = company.map(({ probeAccuracy }) => probeAccuracy!).sort((a, b) => a - b);
        expect(standards.probeAccuracy).toBeGreaterThanOrEqual(sorted[0]!);
        expect(standards.probeAccuracy).toBeLessThanOrEqual(sorted[Math.ceil(sorted.length / 4)]!);
      }
    }
    const ended = individuals.filter(({ accuracy }) => accuracy === null);
    expect(ended.length).toBeGreaterThan(0);
    for (const { generation, probeAccuracy, standards, violation } of ended) {
      expect(generation).toBeGreaterThan(0);
      expect(probeAccuracy).toBeLessThan(standards.probeAccuracy!);
      expect(violation).toBeGreaterThan(0);
    }
    expect(frontOf(individuals).every(({ accuracy }) => accuracy !== null)).toBe(true);
  });

  it('begins no training of what scores less than a quarter of those before that cost no more', async () => {
    const trained: string[] = [];
    const individuals = await run({ path: newJournal(), trained, settings: { zeroCostQuantile: 0.25 } });
    const untrained = individuals.filter(({ probeAccuracy }) => probeAccuracy === null);
    expect(untrained.length).toBeGreaterThan(0);
    expect(trained).toHaveLength(30 - untrained.length);
    for (const { generation, zeroCostScore, standards, accuracy, violation } of untrained) {
      expect(generation).toBeGreaterThan(0);
      expect(zeroCostScore).toBeLessThan(standards.zeroCostScore!);
      expect(accuracy).toBeNull();
      expect(violation).toBeGreaterThanOrEqual(1);
    }
    expect(frontOf(individuals).every(({ accuracy }) => accuracy !== null)).toBe(true);
  });

  it('is driven by the algorithm of the authors, too', async () => {
    const trained: string[] = [];
    const settingsOf = { mode: 'reference' as const, populationSize: 20, curveQuantile: null, evaluationCount: 60 };
    const individuals = await run({ path: newJournal(), trained, settings: settingsOf });
    expect(individuals).toHaveLength(60);
    expect(new Set(trained).size).toBe(60);
    // 20 at first, then 18 a generation of the 2 that are retained.
    expect(individuals.slice(20).every(({ parents }) => parents.length === 2)).toBe(true);
  });

  it('ends where the algorithm of the authors finds no other network, with what the gates say', async () => {
    const few = { mode: 'reference' as const, populationSize: 20, curveQuantile: null, evaluationCount: 100_000 };
    // None from the beginning, and a few that are soon all known.
    for (const below of [1, costQuantile(space, params, 0.01, 0)]) {
      const gates = new EarlyExit({ params: { params, below }, latencies: [] });
      const ended = run({ path: newJournal(), gates, settings: few });
      await expect(ended).rejects.toMatchObject({ code: 'GATES_UNPASSABLE' });
    }
  }, 120_000); // it draws a hundred thousand networks, twice

  it('ends, wherever it was stopped and however many workers it has, with the individuals of a search that was not', async () => {
    const whole = await run({ path: newJournal() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 29 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        async (stops, workerCount) => {
          const path = newJournal();
          for (const stopAt of stops.sort((a, b) => a - b))
            await run({ path, stopAt, workerCount }).catch(() => undefined);
          const resumed = await run({ path, workerCount });
          expect(genesOf(resumed)).toEqual(genesOf(whole));
          expect(archiveOf(resumed)).toEqual(archiveOf(whole));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('goes on in steady state without training anything twice', async () => {
    const path = newJournal();
    const trained: string[] = [];
    const steady = { mode: 'steady' as const };
    await run({ path, trained, settings: steady, stopAt: 11 }).catch(() => undefined);
    const individuals = await run({ path, trained, settings: steady });
    expect(new Set(individuals.map(({ genes }) => space.key(genes))).size).toBe(30);
    expect(individuals.map(({ index }) => index)).toEqual(Array.from({ length: 30 }, (_, index) => index));
  });

  it('ends with what it has when it is asked to, but not before its first population counts', async () => {
    const early = await run({ path: newJournal(), endAt: 2, workerCount: 1 });
    expect(early).toHaveLength(6);
    const later = await run({ path: newJournal(), endAt: 11, workerCount: 1 });
    expect(later).toHaveLength(11);
  });

  it('says how fast the fastest was where the gates let nothing through', async () => {
    const gates = new EarlyExit({ params: null, latencies: [{ predictMs, budgetMs: 0.001, marginShare: 0 }] });
    await expect(run({ path: newJournal(), gates })).rejects.toThrow(
      /10000 in a row did not.*the fastest seen takes \d+\.\d{3} ms/,
    );
  });
});
