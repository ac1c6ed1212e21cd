/** EEEA-Net as the method of a study: pieces priced on the device, genotypes evolved, the front's best measured whole. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { SearchMethod } from '../method.js';
import { outcome } from '../outcome.js';
import { planEvolution } from '../plan.js';
import { networkCounts } from '../predictor.js';
import { buildSpace, type DatasetShape } from '../presets.js';
import { evolutionSettings } from '../settings.js';
import { defaultBudgetFraction, type ResolvedSpec } from '../spec.js';
import { timeTraining } from '../step-times.js';
import { logPrices, phaseProgress, remainingOf, reservedMs, type StudyPorts, tellPrices } from '../study-ports.js';
import { openCells } from './cell-presets.js';
import { openChainSpace } from './chain-space.js';
import { costQuantile, EarlyExit } from './early-exit.js';
import { openEvaluation } from './evaluation.js';
import { chooseFinalist, describeFinalist, measureFinalists } from './finalists.js';
import { FrontVolume } from './front-volume.js';
import type { GeneSpace, Genes } from './gene-space.js';
import { weightsDirectory } from './inheritance.js';
import { Journal, type JournaledIndividual, readJournal } from './journal.js';
import { type Limits, objectivesOf, paramsOf } from './objective.js';
import { type GenePrices, medianGenes, priceGenes } from './pricing.js';
import { rejudge } from './rejudge.js';
import { evolve } from './search.js';
import { latenciesOf, openTargets, type Target } from './targets.js';

export const findByEvolution: SearchMethod = async (spec, ports) => {
  const space = openGeneSpace(spec, ports.data.manifest);
  const prices = await outcome(ports.directory, 'prices', () => runMeasure(spec, space, ports));
  tellPrices(ports, prices[0]!, []);
  const derived = await outcome(ports.directory, 'derived', () => runEvolution(spec, space, prices, ports));
  const { genes, predictedMs, trainStepMs } = derived;
  const [first, ...others] = prices.map(({ budgetMs }, device) => ({ budgetMs, predictedMs: predictedMs[device]! }));
  return { ...first!, network: { ...space.decode(genes), name: spec.name }, trainStepMs, others };
};

/** The space that the specification's evolution varies: cells, or chains of its MBConv space. */
export function openGeneSpace({ evolution, space }: ResolvedSpec, data: DatasetShape): GeneSpace {
  return evolution.cells === null ? openChainSpace(buildSpace(space, data)) : openCells(evolution.cells, data);
}

async function runMeasure(spec: ResolvedSpec, space: GeneSpace, ports: StudyPorts): Promise<GenePrices[]> {
  phaseProgress(spec, ports, 'measure');
  const { budgetMs, budgetFraction, evolution, seed, minutes } = spec;
  const budgets = [budgetMs, ...evolution.alsoOn.map((other) => other.budgetMs)].map((ms) =>
    ms === null ? { fraction: budgetFraction ?? defaultBudgetFraction } : { ms },
  );
  const prices = await priceGenes(space, ports.measureOnAll, { budgets, seed, counts: networkCounts(minutes) });
  for (const [device, priced] of prices.entries()) logPrices(ports, priced, ports.devices[device]!);
  return prices;
}

interface EvolvedNetwork {
  readonly genes: Genes;
  /** On each device. */
  readonly predictedMs: readonly number[];
  readonly trainStepMs: number;
}

async function runEvolution(
  spec: ResolvedSpec,
  space: GeneSpace,
  prices: readonly GenePrices[],
  ports: StudyPorts,
): Promise<EvolvedNetwork> {
  const { directory } = ports;
  const targets = openTargets(spec, space, prices, ports.devices);
  const progress = phaseProgress(spec, ports, 'search');
  const evaluator = ports.openEvaluator(spec.evolution.workers);
  const known = await readArchive(spec, directory);
  const journal = await Journal.open(join(directory, 'journal.jsonl'));
  try {
    const { evaluate, secondsOf } = await openEvaluation(spec, space, ports, evaluator);
    const { evaluationCount } = await outcome(directory, 'plan', () =>
      planByTrial(spec, ports, known?.length ?? null, () => secondsOf(medianGenes(space, prices[0]!, spec.seed))),
    );
    const limits = { latency: spec.evolution.gates.latency, paramsBelow: paramsLimit(spec, space) };
    const gates = openGates(space, targets, limits);
    const { objectives: names, latencyOver: mix, population: populationSize } = spec.evolution;
    const objectives = objectivesOf(names, { space, devices: targets, mix, limits });
    const axes = objectives.map(({ name, unit, limit }) => ({ name, unit, limit }));
    ports.tell({ type: 'evolution', frame: { objectives: axes, evaluationCount, populationSize } });
    const tell = individualTeller(space, gates, populationSize, ports);
    const judging = {
      objectives,
      budgetsMs: limits.latency ? targets.map(({ budgetMs }) => budgetMs) : null,
      journal,
      table: hashJson(prices.map(({ table }) => table)),
      latencies: (genes: Genes) => latenciesOf(space, targets, genes, ports.measureOnAll),
      stop: ports.stops.search,
      onIndividual(individual: JournaledIndividual) {
        tell(individual);
        progress(individual.index + 1, evaluationCount);
      },
    };
    const individuals =
      known !== null
        ? await rejudge({ ...judging, individuals: known, excessShare: paramsExcess(space, limits) })
        : await evolve({
            ...judging,
            space,
            gates,
            settings: evolutionSettings(spec, evaluationCount),
            workerCount: evaluator.workerCount,
            evaluate,
            predictLatenciesMs: (genes) => targets.map(({ predictMs }) => predictMs(genes)),
          });
    await rm(weightsDirectory(directory), { recursive: true, force: true });
    const finalists = await measureFinalists(space, individuals, ports.measureOnAll);
    for (const finalist of finalists) ports.tell({ type: 'log', line: describeFinalist(finalist, targets) });
    const { genes, latencies } = chooseFinalist(finalists, targets).individual;
    const trainStepMs = await timeTraining(spec, lower(space.decode(genes)), ports);
    return { genes, predictedMs: latencies.map(({ predictedMs }) => predictedMs), trainStepMs };
  } finally {
    await journal.close();
    await evaluator.close();
  }
}

/** Tells of each individual what follows from those before it, too. */
function individualTeller(space: GeneSpace, gates: EarlyExit, populationSize: number, ports: StudyPorts) {
  const volume = new FrontVolume(populationSize);
  return (individual: JournaledIndividual) => {
    const genotype = space.genotype(individual.genes);
    const seen = { ...individual, ...(genotype && { genotype }), hypervolume: volume.after(individual) };
    ports.tell({ type: 'individual', individual: seen, refusedCounts: { ...gates.refusedCounts } });
  };
}

/** How many individuals there are, or that there is time for, by the time that one of a typical network takes. */
async function planByTrial(
  spec: ResolvedSpec,
  ports: StudyPorts,
  knownCount: number | null,
  secondsOfTrial: () => Promise<number>,
): Promise<{ evaluationCount: number }> {
  const givenCount = knownCount ?? spec.evolution.evaluations;
  if (givenCount !== null) return { evaluationCount: givenCount };
  const evaluationMs = 1000 * (await secondsOfTrial());
  const remainingMs = remainingOf(spec, ports)!;
  return { evaluationCount: planEvolution(spec, { remainingMs, reservedMs, evaluationMs }) };
}

/** Individuals of the study that this one judges anew; null where it evolves. */
async function readArchive({ evolution }: ResolvedSpec, directory: string) {
  if (evolution.archiveOf === null) return null;
  const individuals = await readJournal(join(directory, '..', evolution.archiveOf, 'journal.jsonl'));
  if (individuals.length > 0) return individuals;
  throw new AppError('ARCHIVE_UNUSABLE', { id: evolution.archiveOf, problem: 'its journal is missing or empty' });
}

function paramsLimit({ evolution: { gates }, seed }: ResolvedSpec, space: GeneSpace): number | null {
  const { params, paramsQuantile } = gates;
  return params ?? (paramsQuantile === null ? null : costQuantile(space, paramsOf(space), paramsQuantile, seed));
}

/** By how many more parameters than it may have, as a share. */
function paramsExcess(space: GeneSpace, { paramsBelow }: Limits): (genes: Genes) => number {
  if (paramsBelow === null) return () => 0;
  const params = paramsOf(space);
  return (genes) => Math.max(params(genes) / paramsBelow - 1, 0);
}

function openGates(space: GeneSpace, targets: readonly Target[], { latency, paramsBelow }: Limits): EarlyExit {
  return new EarlyExit({
    params: paramsBelow === null ? null : { params: paramsOf(space), below: paramsBelow },
    latencies: latency ? targets : [],
  });
}
