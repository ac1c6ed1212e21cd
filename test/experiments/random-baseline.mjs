/**
 * Does a study beat random networks of the same budget, trained equally?
 *
 *   node test/experiments/random-baseline.mjs DATA_DIRECTORY STUDY_ID [COUNT [FIRST]] [--steps N]
 *
 * Takes a finished study's own prices, budget, recipe and step count, draws COUNT random networks (default 5; from number FIRST on) with a predicted latency
 * of 0.85 to 1.0 times the budget, trains each as the study trained its winner, and prints one line of JSON per network. With --steps all are trained for so many, the winner first.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { randomWithin } from '@bespoke/cloud/search/random.js';
import { trainRecipe } from '@bespoke/cloud/search/settings.js';
import { choose, pathLatencyMs } from '@bespoke/cloud/search/space.js';
import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { openTfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';

const { values, positionals } = parseArgs({ options: { steps: { type: 'string' } }, allowPositionals: true });
const [dataDirectory, id, count = '5', first = '0'] = positionals;
const store = openStore(dataDirectory);
const spec = resolveSpec(parseSpec(store.studies.detail(id).specYaml));
store.close();
const outcome = (name) => JSON.parse(readFileSync(join(dataDirectory, 'studies', id, `${name}.json`), 'utf8'));
const { latencyMs, fixedMs, budgetMs } = outcome('prices');
const stepCount = values.steps === undefined ? outcome('trained').stepCount : Number(values.steps);

const { source, resolution, ...shares } = spec.data;
const data = await packDataset(source, join(dataDirectory, 'datasets'), {
  ...shares,
  resolution: resolution ?? undefined,
});
const engine = await openTfjsEngine();
const space = buildSpace(spec.space, data.manifest);

const randomPath = (index) => randomWithin(space, latencyMs, fixedMs, budgetMs, spec.seed * 1000 + index);
const networks = [
  ...(values.steps === undefined ? [] : [['found', outcome('derived').path]]),
  ...Array.from({ length: Number(count) }, (_, at) => Number(first) + at).map((index) => [index, randomPath(index)]),
];
for (const [index, path] of networks) {
  const graph = lower(choose(space, path));
  const startMs = Date.now();
  const weights = await engine.train(graph, data, trainRecipe(spec, stepCount));
  const { accuracy } = await engine.evaluate(graph, weights, data, 'test');
  const predictedMs = pathLatencyMs(path, latencyMs, fixedMs);
  const seconds = (Date.now() - startMs) / 1000;
  console.log(
    JSON.stringify({
      study: id,
      seed: spec.seed,
      index,
      path,
      predictedMs,
      budgetMs,
      accuracy,
      params: countParams(graph),
      macs: countMacs(graph),
      stepCount,
      seconds,
    }),
  );
}
