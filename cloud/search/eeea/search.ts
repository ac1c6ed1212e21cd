/**
 * EEEA-Net's search: NSGA-II over genes whose networks pass the early exits, are trained a little, and are judged on split search.
 *
 *   ask ─▶ gates ─▶ score, train ─▶ judge ─▶ measure, if the prediction leaves the budget open ─▶ journal ─▶ tell
 *    ▲      │ refused: drawn again                                                                            │
 *    └──────┴────────────────────── as many at once as there are workers ◀────────────────────────────────────┘
 *
 * The journal is written before the optimizer is told, and the optimizer is a function of what it was told: a search that was killed reads
 * its journal and goes on. In generational mode it ends with the individuals of a search that was never stopped; in steady state, which tells in the
 * order in which evaluations end, with others of the same standing.
 */

import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';
import { type Evaluated, noStandards, type Standards } from '../../train/evaluation/evaluator.js';
import type { Offspring } from '../evolution/breeder.js';
import { groupVariation } from '../evolution/group-variation.js';
import type { Key } from '../evolution/individual.js';
import type { ObjectiveCount } from '../evolution/points.js';
import type { Screening } from '../evolution/screening.js';
import type { EarlyExit } from './early-exit.js';
import { type GeneSpace, type Genes, groupsOf } from './gene-space.js';
import type { Journal, JournaledIndividual } from './journal.js';
import { judge, type Known } from './judge.js';
import type { Objective } from './objective.js';
import { type EvolutionMode, type Optimizer, openOptimizer } from './optimizer.js';
import { learnAccuracy } from './promise.js';

export interface EvolutionSettings {
  readonly seed: number;
  readonly mode: EvolutionMode;
  readonly populationSize: number;
  readonly evaluationCount: number;
  readonly crossoverProbability: number;
  /** On average, in an offspring. */
  readonly mutatedGroupCount: number;
  /** Offspring that are bred for each that is trained: the one that promises most goes on (promise.ts); 1: no choice. */
  readonly candidateCount: number;
  /** A training is not begun where the network's zero-cost score is below that of this share of those of earlier generations that cost no more; null: it always is. */
  readonly zeroCostQuantile: number | null;
  /** A training is ended at its probe where it is less accurate than this share of those; null: never. */
  readonly curveQuantile: number | null;
}

/** What the device says of a network. */
export interface Latency {
  readonly predictedMs: number;
  readonly measuredMs: number | null;
}

export interface Evolution {
  readonly space: GeneSpace;
  readonly objectives: readonly Objective[];
  /** One per device; null: latency is no limit. */
  readonly budgetsMs: readonly number[] | null;
  readonly gates: EarlyExit;
  readonly settings: EvolutionSettings;
  readonly workerCount: number;
  readonly journal: Journal;
  /** Hash of the prices that latencies are predicted from. */
  readonly table: string;
  /** Scores and trains, or knows already. */
  evaluate(genes: Genes, standards: Standards, parents: readonly JournaledIndividual[]): Promise<Evaluated>;
  /** On each target device, by the table alone. */
  predictLatenciesMs(genes: Genes): readonly number[];
  /** On each target device. */
  latencies(genes: Genes): Promise<readonly Latency[]>;
  /** Told every individual once it counts; a resumed search tells those of its journal again. */
  onIndividual?(individual: JournaledIndividual): void;
  /** Once aborted, no more individuals are begun; the search ends with those that there are, one generation's worth at least. */
  readonly stop?: AbortSignal;
  /** Once aborted, nothing more is begun, and the signal's reason is thrown when what runs has ended. */
  readonly signal?: AbortSignal;
}

/** Evolves until `evaluationCount` individuals are in the journal, and gives them all. Throws `GATES_UNPASSABLE`, and what `evaluate` and `latencies` throw. */
export async function evolve(evolution: Evolution): Promise<readonly JournaledIndividual[]> {
  const course = new Course(evolution);
  for (const individual of evolution.journal.individuals) course.count(individual);
  await course.run();
  return course.individuals;
}

class Course {
  readonly individuals: JournaledIndividual[] = [];
  readonly #optimizer: Optimizer;
  readonly #indices = new Map<Key, number>();
  readonly #running = new Set<Promise<void>>();
  #recorded: Promise<void> = Promise.resolve();

  constructor(private readonly evolution: Evolution) {
    const { space, settings, objectives, gates } = evolution;
    const optimizing = {
      ...settings,
      objectiveCount: objectives.length as ObjectiveCount,
      variation: groupVariation(groupsOf(space), settings),
      keyOf: (genes: Genes) => space.key(genes),
      admits: (genes: Genes) => space.isLegal(genes) && gates.admits(genes),
      ...(settings.candidateCount > 1 && { screening: this.#screening() }),
    };
    this.#optimizer = openOptimizer(settings.mode, optimizing, space);
  }

  /** Keeps every worker busy until all individuals count. */
  async run(): Promise<void> {
    const { workerCount, signal } = this.evolution;
    try {
      for (let left = this.#leftCount(); left > 0; left = this.#leftCount()) {
        signal?.throwIfAborted();
        this.#fill(Math.min(workerCount, left));
        await Promise.race(this.#running);
      }
    } finally {
      await Promise.allSettled(this.#running);
    }
  }

  /** Individuals that do not count yet: of all, or once it is stopped, of the first population. */
  #leftCount(): number {
    const { settings, stop } = this.evolution;
    const wantedCount = stop?.aborted
      ? Math.min(settings.populationSize, settings.evaluationCount)
      : settings.evaluationCount;
    return wantedCount - this.individuals.length;
  }

  /** Tells the optimizer of an individual that stands in the journal. */
  count(individual: JournaledIndividual): void {
    const { genes, objectives, violation } = individual;
    // First the optimizer: where this is the first of a generation that a search goes on in, it breeds the generation of what was known before it.
    this.#optimizer.tell({ genotype: genes, objectives, violation });
    this.individuals.push(individual);
    this.#indices.set(this.evolution.space.key(genes), individual.index);
    this.evolution.onIndividual?.(individual);
  }

  #fill(count: number): void {
    while (this.#running.size < count) {
      const offspring = this.#ask();
      if (offspring === null) return;
      const running = this.#evaluate(offspring).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  #ask(): Offspring<Genes> | null {
    const { gates } = this.evolution;
    try {
      return this.#optimizer.ask();
    } catch (error) {
      if (!isAppError(error, 'EVOLUTION_EXHAUSTED')) throw error;
      const { params, latency } = gates.refusedCounts;
      if (params + latency === 0) throw error;
      const { fastestSeenMs } = gates;
      throw new AppError(
        'GATES_UNPASSABLE',
        {
          tries: error.details.tries,
          params,
          latency,
          fastestSeenMs: Number.isFinite(fastestSeenMs) ? fastestSeenMs : null,
        },
        { cause: error },
      );
    }
  }

  async #evaluate({ genotype: genes, index: birth, parents, operators }: Offspring<Genes>): Promise<void> {
    const { evolution } = this;
    const generation = Math.floor(birth / evolution.settings.populationSize);
    const standards = this.#standards(genes, generation);
    const parentIndices = parents.map((key) => this.#indices.get(key)!);
    const { evaluation, probeAccuracy, zeroCostScore, seconds } = await evolution.evaluate(
      genes,
      standards,
      parentIndices.map((index) => this.individuals[index]!),
    );
    const accuracy = evaluation?.accuracy ?? null;
    const known: Known = { genes, accuracy, probeAccuracy, standards, latencies: await evolution.latencies(genes) };
    const born = { generation, parents: parentIndices, operators };
    const judged = judge(known, evolution.objectives, evolution.budgetsMs);
    await this.#record({ ...born, zeroCostScore, ...known, ...judged, seconds, table: evolution.table });
  }

  /** One after another: stored, then told. */
  #record(individual: Omit<JournaledIndividual, 'index'>): Promise<void> {
    const recorded = this.#recorded.then(async () => {
      const indexed = { index: this.individuals.length, ...individual };
      await this.evolution.journal.append(indexed);
      this.count(indexed);
    });
    this.#recorded = recorded;
    return recorded;
  }

  #screening(): Screening<Genes> {
    const { space, objectives, budgetsMs, settings, predictLatenciesMs } = this.evolution;
    return {
      poolFactor: settings.candidateCount,
      predict: (pool) => {
        const accuracyOf = learnAccuracy(this.individuals, space.groupSize);
        return pool.map((genes) => {
          const latencies = predictLatenciesMs(genes).map((predictedMs) => ({ predictedMs, measuredMs: null }));
          const accuracy = accuracyOf(genes);
          const promised = { genes, accuracy, probeAccuracy: accuracy, standards: noStandards, latencies };
          return judge(promised, objectives, budgetsMs);
        });
      },
    };
  }

  /**
   * What a network must reach by individuals of generations before (so that it does not matter in which order those of one end) that cost no more in any other objective: a
   * small network is not held to the accuracy of large ones. Nothing where there are only a few.
   */
  #standards(genes: Genes, generation: number): Standards {
    const { zeroCostQuantile, curveQuantile } = this.evolution.settings;
    const costs = this.#costsOf(genes);
    const cheaper = this.individuals.filter(
      ({ generation: earlier, objectives }) =>
        earlier < generation && costs.every((cost, axis) => cost === null || objectives[axis]! <= cost),
    );
    return {
      zeroCostScore: leastOf(
        cheaper.map(({ zeroCostScore }) => zeroCostScore),
        zeroCostQuantile,
      ),
      probeAccuracy: leastOf(
        cheaper.flatMap(({ probeAccuracy }) => probeAccuracy ?? []),
        curveQuantile,
      ),
    };
  }

  /** Its objectives by what is known of an untrained network; null where that is not enough. */
  #costsOf(genes: Genes): (number | null)[] {
    const { objectives, predictLatenciesMs } = this.evolution;
    const facts = { genes, accuracy: Number.NaN, latenciesMs: predictLatenciesMs(genes) };
    return objectives.map(({ of }) => of(facts)).map((cost) => (Number.isNaN(cost) ? null : cost));
  }
}

/** Fewer are no company to be compared with. */
const leastCompany = 4;

function leastOf(values: readonly number[], share: number | null): number | null {
  return share === null || values.length < leastCompany ? null : quantile(ascending(values), share);
}
