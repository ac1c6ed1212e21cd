/** EEEA-Net as the method of a study: pieces priced on the device, genotypes evolved, the front's best measured whole. */
import { join } from 'node:path';
import { hashJson } from '@bespoke/shared/base/json.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { AccuracyCache } from '../../train/evaluation/accuracy-cache.js';
import type { Evaluated, Evaluator } from '../../train/evaluation/evaluator.js';
import type { SearchMethod } from '../method.js';
import { outcome } from '../outcome.js';
import { planEvolution } from '../plan.js';
import { networkCounts } from '../predictor.js';
import { buildSpace, type DatasetShape } from '../presets.js';
import { measureNetworks } from '../pricing.js';
import { evaluationRecipe, evolutionSettings } from '../settings.js';
import type { ResolvedSpec } from '../spec.js';
import { timeTraining } from '../step-times.js';
import { logPrices, phaseProgress, remainingOf, reservedMs, type StudyPorts, tellPrices } from '../study-ports.js';
import { openCells } from './cell-presets.js';
import { openChainSpace } from './chain-space.js';
import { costQuantile, EarlyExit } from './early-exit.js';
import { chooseFinalist, type Finalist, measureFinalists } from './finalists.js';
import type { GeneSpace, Genes } from './gene-space.js';
import { Journal } from './journal.js';
import { type Objective, objectivesOf, paramsOf } from './objective.js';
import { type GenePrices, geneLatency, medianGenes, priceGenes } from './pricing.js';
import { evolve, type Latency } from './search.js';

export const findByEvolution: SearchMethod = async (spec, ports) => {
  const space = openGeneSpace(spec, ports.data.manifest);
  const prices = await outcome(ports.directory, 'prices', () => runMeasure(spec, space, ports));
  tellPrices(ports, prices, []);
  const derived = await outcome(ports.directory, 'derived', () => runEvolution(spec, space, prices, ports));
  return { ...derived, network: networkOf(spec, space, derived.genes), budgetMs: prices.budgetMs };
};

/** The space that the specification's evolution varies: cells, or chains of its MBConv space. */
export function openGeneSpace({ evolution, space }: ResolvedSpec, data: DatasetShape): GeneSpace {
  return evolution.cells === null ? openChainSpace(buildSpace(space, data)) : openCells(evolution.cells, data);
}

function networkOf({ name }: ResolvedSpec, space: GeneSpace, genes: Genes): Network {
  return { ...space.decode(genes), name };
}

async function runMeasure(spec: ResolvedSpec, space: GeneSpace, ports: StudyPorts): Promise<GenePrices> {
  phaseProgress(spec, ports, 'measure');
  const budget = spec.budgetMs === null ? { fraction: spec.budgetFraction! } : { ms: spec.budgetMs };
  const prices = await priceGenes(space, ports.measure, {
    budget,
    seed: spec.seed,
    counts: networkCounts(spec.minutes),
  });
  logPrices(ports, prices);
  return prices;
}

interface EvolvedNetwork {
  readonly genes: Genes;
  readonly predictedMs: number;
  readonly measuredMs: number;
  readonly trainStepMs: number;
}

async function runEvolution(
  spec: ResolvedSpec,
  space: GeneSpace,
  prices: GenePrices,
  ports: StudyPorts,
): Promise<EvolvedNetwork> {
  const { directory } = ports;
  const progress = phaseProgress(spec, ports, 'search');
  const evaluator = ports.openEvaluator(spec.evolution.workers);
  const journal = await Journal.open(join(directory, 'journal.jsonl'));
  try {
    const evaluate = await openEvaluation(spec, space, ports, evaluator);
    const { evaluationCount } = await outcome(directory, 'plan', () =>
      planByTrial(spec, ports, () => evaluate(medianGenes(space, prices, spec.seed), null)),
    );
    const gates = openGates(spec, space, prices);
    const predictMs = geneLatency(space, prices);
    const objectives = openObjectives(spec, space, prices, ports);
    const { population: populationSize } = spec.evolution;
    const axes = objectives.map(({ name, unit }) => ({ name, unit }));
    ports.tell({ type: 'evolution', frame: { objectives: axes, evaluationCount, populationSize } });
    const individuals = await evolve({
      space,
      objectives,
      budgetsMs: spec.evolution.gates.latency ? [prices.budgetMs] : null,
      gates,
      settings: evolutionSettings(spec, evaluationCount),
      workerCount: evaluator.workerCount,
      journal,
      table: prices.table,
      evaluate,
      predictLatenciesMs: (genes) => [predictMs(genes)],
      latencies: async (genes) => [await latencyOf(space, prices, genes, predictMs(genes), ports)],
      onIndividual(individual) {
        ports.tell({ type: 'individual', individual, refusedCounts: { ...gates.refusedCounts } });
        progress(individual.index + 1, evaluationCount);
      },
    });
    const finalists = await measureFinalists(space, individuals, ports.measure);
    for (const finalist of finalists) ports.tell({ type: 'log', line: describeFinalist(finalist, prices) });
    const { individual, predictedMs, measuredMs } = chooseFinalist(finalists, prices.budgetMs);
    const trainStepMs = await timeTraining(spec, lower(space.decode(individual.genes)), ports);
    return { genes: individual.genes, predictedMs, measuredMs, trainStepMs };
  } finally {
    await journal.close();
    await evaluator.close();
  }
}

/** How many individuals there is time for, by the time that one of a typical network takes. */
async function planByTrial(
  spec: ResolvedSpec,
  ports: StudyPorts,
  trial: () => Promise<Evaluated>,
): Promise<{ evaluationCount: number }> {
  const { evaluations } = spec.evolution;
  if (evaluations !== null) return { evaluationCount: evaluations };
  const { seconds } = await trial();
  const remainingMs = remainingOf(spec, ports)!;
  return { evaluationCount: planEvolution(spec, { remainingMs, reservedMs, evaluationMs: 1000 * seconds }) };
}

/** Trains each network once for each way of training, on whatever device it is searched for. */
async function openEvaluation(
  spec: ResolvedSpec,
  space: GeneSpace,
  { directory, engine, data }: StudyPorts,
  evaluator: Evaluator,
): Promise<(genes: Genes, leastProbeAccuracy: number | null) => Promise<Evaluated>> {
  const recipe = evaluationRecipe(spec);
  const { cells } = spec.evolution;
  const form = cells === null ? spec.space : { proxy: cells.proxy, concat: cells.concat };
  const way = hashJson({ recipe, form, data: data.manifest.sha256, engine: engine.describe() });
  const cache = await AccuracyCache.open(join(directory, '..', '..', 'accuracies', `${way}.jsonl`));
  return async (genes, leastProbeAccuracy) => {
    const key = space.key(genes);
    const known = cache.get(key, leastProbeAccuracy);
    if (known) return { ...known, seconds: 0 };
    const evaluated = await evaluator.evaluate({ network: space.decodeProxy(genes), recipe, leastProbeAccuracy });
    await cache.set(key, evaluated);
    return evaluated;
  };
}

function openObjectives(
  { evolution }: ResolvedSpec,
  space: GeneSpace,
  { budgetMs }: GenePrices,
  { device }: StudyPorts,
): Objective[] {
  return objectivesOf(evolution.objectives, {
    space,
    devices: [{ name: device.name, budgetMs, weight: 1 }],
    mix: 'each',
  });
}

function openGates({ evolution: { gates }, seed }: ResolvedSpec, space: GeneSpace, prices: GenePrices): EarlyExit {
  const params = paramsOf(space);
  const below =
    gates.params ?? (gates.paramsQuantile === null ? null : costQuantile(space, params, gates.paramsQuantile, seed));
  const latency = { predictMs: geneLatency(space, prices), budgetMs: prices.budgetMs, marginShare: marginOf(prices) };
  return new EarlyExit({
    params: below === null ? null : { params, below },
    latencies: gates.latency ? [latency] : [],
  });
}

/** Of predictions: the greatest error on networks that the fit never saw. */
function marginOf({ predictor }: GenePrices): number {
  return predictor.holdOut.worstError;
}

/** Predicted; measured, too, where the prediction leaves open on which side of the budget it is. */
async function latencyOf(
  space: GeneSpace,
  prices: GenePrices,
  genes: Genes,
  predictedMs: number,
  { measure }: StudyPorts,
): Promise<Latency> {
  const isOpen = Math.abs(predictedMs - prices.budgetMs) <= marginOf(prices) * prices.budgetMs;
  if (!isOpen) return { predictedMs, measuredMs: null };
  const [entry] = await measureNetworks([space.decode(genes)], measure);
  return { predictedMs, measuredMs: entry!.medianMs };
}

function describeFinalist({ individual, predictedMs, measuredMs }: Finalist, { budgetMs }: GenePrices): string {
  const { index, accuracy, probeAccuracy } = individual;
  const judged =
    accuracy === null ? `ended early at ${(100 * probeAccuracy).toFixed(1)}%` : `${(100 * accuracy).toFixed(1)}%`;
  return `finalist ${index}: ${judged} in the search, predicted ${predictedMs.toFixed(3)} ms, measured ${measuredMs.toFixed(3)} ms, budget ${budgetMs.toFixed(3)} ms`;
}
