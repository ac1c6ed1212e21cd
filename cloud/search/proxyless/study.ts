/** ProxylessNAS as the method of a study: candidates priced on the device, a supernet trained, its network derived and measured. */
import { join } from 'node:path';
import type { SlotView } from '@bespoke/shared/protocol/api.js';
import { type Derived, deriveMeasured } from '../derive-measured.js';
import type { SearchMethod } from '../method.js';
import { outcome } from '../outcome.js';
import { planSearch, type StepCounts } from '../plan.js';
import { networkCounts } from '../predictor.js';
import { buildSpace } from '../presets.js';
import { type Prices, priceSpace } from '../pricing.js';
import { proxylessSettings, supernetRecipe } from '../settings.js';
import { candidateName, choose, type SearchSpace } from '../space.js';
import type { ResolvedSpec } from '../spec.js';
import { type StepTimes, timeSteps, timeTrainStep } from '../step-times.js';
import { logPrices, phaseProgress, remainingOf, reservedMs, type StudyPorts, tellPrices } from '../study-ports.js';
import { runProxyless } from './search.js';

/** Prices the space, searches it, and has the device time what was derived. */
export const findProxyless: SearchMethod = async (spec, ports) => {
  const space = buildSpace(spec.space, ports.data.manifest);
  const prices = await outcome(ports.directory, 'prices', () => runMeasure(spec, space, ports));
  tellPrices(ports, prices, slotViews(space, prices));
  const derived = await outcome(ports.directory, 'derived', () => runSearch(spec, space, prices, ports));
  const { path, predictedMs, trainStepMs } = derived;
  return { network: choose(space, path, spec.name), budgetMs: prices.budgetMs, predictedMs, trainStepMs };
};

async function runMeasure(spec: ResolvedSpec, space: SearchSpace, ports: StudyPorts): Promise<Prices> {
  const budget = spec.budgetMs === null ? { fraction: spec.budgetFraction! } : { ms: spec.budgetMs };
  const prices = await priceSpace(space, ports.measure, {
    budget,
    seed: spec.seed,
    counts: networkCounts(spec.minutes),
  });
  logPrices(ports, prices, ports.devices[0]!);
  return prices;
}

interface SearchPlan extends StepCounts {
  readonly times: StepTimes;
}

async function runSearch(
  spec: ResolvedSpec,
  space: SearchSpace,
  prices: Prices,
  ports: StudyPorts,
): Promise<Derived & { trainStepMs: number }> {
  const { directory, engine, data } = ports;
  const progress = phaseProgress(spec, ports, 'search');
  const plan = await outcome(directory, 'plan', async (): Promise<SearchPlan> => {
    const times = await timeSteps(spec, space, engine, data, ports.now);
    const counts = planSearch(spec, {
      ...times,
      remainingMs: remainingOf(spec, ports) ?? Number.POSITIVE_INFINITY,
      reservedMs,
    });
    return { ...counts, times };
  });
  const supernet = await engine.openSupernet(space, data, supernetRecipe(spec, plan));
  try {
    const result = await runProxyless({
      ...prices,
      space,
      supernet,
      settings: proxylessSettings(spec, plan),
      checkpoint: {
        directory: join(directory, 'search'),
        everySteps: checkpointSteps(plan),
      },
      stop: ports.stops.search,
      onPoint(point, probabilities) {
        ports.tell({ type: 'search', point, probabilities });
        progress(point.step, point.stepCount);
      },
    });
    const derived = await deriveMeasured(space, prices, result, ports.measure, spec.name);
    for (const line of derived.log) ports.tell({ type: 'log', line });
    return { ...derived, trainStepMs: await timeTrainStep(supernet, derived.path, ports.now) };
  } finally {
    supernet.dispose();
  }
}

const checkpointEveryMs = 20_000;

/** By the clock, but ten times in a search at least. */
function checkpointSteps({ stepCount, times }: SearchPlan): number {
  return Math.max(Math.round(Math.min(checkpointEveryMs / times.weightStepMs, stepCount / 10)), 1);
}

function slotViews(space: SearchSpace, { latencyMs }: Prices): SlotView[] {
  return space.slots.map((slot, index) => ({
    id: slot.id,
    candidates: slot.candidates.map((candidate) => candidateName(slot, candidate)),
    latenciesMs: latencyMs[index]!,
  }));
}
