/** How long steps take on this engine, timed before a search is planned. What is timed is thrown away: the search starts afresh. */
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { PackedDataset } from '../train/data/packed.js';
import type { Engine, Path, Supernet } from '../train/engine.js';
import { trainedPaths } from './proxyless/widen.js';
import { supernetRecipe, trainRecipe } from './settings.js';
import { type SearchSpace, samplePath } from './space.js';
import type { ResolvedSpec } from './spec.js';

export interface StepTimes {
  /** One weight step of an average path. */
  readonly weightStepMs: number;
  /** One architecture step in the mode of the specification. */
  readonly gateStepMs: number;
}

const warmUpCount = 2;
const weightStepCount = 8;
const gateStepCount = 2;

/** Times steps of random paths on a supernet of its own. */
export async function timeSteps(
  spec: ResolvedSpec,
  space: SearchSpace,
  engine: Engine,
  data: PackedDataset,
  now: () => number,
): Promise<StepTimes> {
  const supernet = await engine.openSupernet(
    space,
    data,
    supernetRecipe(spec, { stepCount: 1000, warmupStepCount: 0 }),
  );
  try {
    const stream = randomStream(spec.seed, 'step-times');
    const path = () => samplePath(space, stream);
    // Two-path mode asks for one candidate besides the active one, full mode for all.
    const asked = (active: Path) =>
      space.slots.map(({ candidates }, slot) => {
        if (candidates.length === 1) return [];
        if (spec.search.mode === 'full') return candidates.map((_, index) => index);
        return [active[slot]!, (active[slot]! + 1) % candidates.length];
      });
    const trained = trainedPaths(space, spec.search.shareWeights);
    const weightStepMs = await meanMs(warmUpCount, weightStepCount, now, (step) =>
      supernet.weightStep(trained(path(), step), step),
    );
    const gateStepMs = await meanMs(1, gateStepCount, now, (step) => {
      const active = path();
      return supernet.gateGradients(active, asked(active), step);
    });
    return { weightStepMs, gateStepMs };
  } finally {
    supernet.dispose();
  }
}

/** One training step of the network that `path` derives: its weight step in the supernet, which is done with. */
export function timeTrainStep(supernet: Supernet, path: Path, now: () => number): Promise<number> {
  return meanMs(warmUpCount, weightStepCount, now, (step) => supernet.weightStep(path, step));
}

/** One training step of a network that no supernet holds. */
export async function timeTraining(spec: ResolvedSpec, graph: Graph, { engine, data, now }: Timing): Promise<number> {
  const stepCount = warmUpCount + weightStepCount;
  let [startMs, endMs] = [0, 0];
  await engine.train(graph, data, trainRecipe(spec, stepCount, data.manifest.counts.train), {
    onProgress({ step }) {
      if (step === warmUpCount) startMs = now();
      if (step === stepCount) endMs = now();
    },
  });
  return (endMs - startMs) / weightStepCount;
}

interface Timing {
  readonly engine: Engine;
  readonly data: PackedDataset;
  now(): number;
}

async function meanMs(
  warmUp: number,
  count: number,
  now: () => number,
  run: (step: number) => Promise<unknown>,
): Promise<number> {
  for (let step = 0; step < warmUp; step++) await run(step);
  const startMs = now();
  for (let step = 0; step < count; step++) await run(warmUp + step);
  return (now() - startMs) / count;
}
