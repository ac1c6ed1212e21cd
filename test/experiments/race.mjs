/**
 * Does a short training rank networks as a long one does? Trains networks whose long training is known for a few steps, and correlates.
 *
 *   node test/experiments/race.mjs DATA_DIRECTORY LOG STEPS
 *
 * LOG has the lines of random-baseline.mjs (paths, accuracies on the test split, their studies). Prints one line of JSON for each network, with the accuracy
 * on split search after STEPS steps, and the rank correlation within each study.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { trainRecipe } from '@bespoke/cloud/search/settings.js';
import { choose } from '@bespoke/cloud/search/space.js';
import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { openTfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { spearman } from '@bespoke/shared/latency/calibration.js';
import { lower } from '@bespoke/shared/network/lower.js';

const [dataDirectory, log, steps] = process.argv.slice(2);
const lines = readFileSync(log, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('{'));
const networks = lines.map((line) => JSON.parse(line));
const studies = [...new Set(networks.map(({ study }) => study))];
const store = openStore(dataDirectory);
const specs = new Map(studies.map((id) => [id, resolveSpec(parseSpec(store.studies.detail(id).specYaml))]));
store.close();
const engine = await openTfjsEngine();

for (const id of studies) {
  const spec = specs.get(id);
  const { source, resolution, ...shares } = spec.data;
  const packing = { ...shares, resolution: resolution ?? undefined };
  const data = await packDataset(source, join(dataDirectory, 'datasets'), packing);
  const space = buildSpace(spec.space, data.manifest);
  const own = networks.filter(({ study }) => study === id);
  const short = [];
  for (const { path, accuracy } of own) {
    const graph = lower(choose(space, path));
    const weights = await engine.train(graph, data, trainRecipe(spec, Number(steps)));
    const { accuracy: shortAccuracy } = await engine.evaluate(graph, weights, data, 'search');
    short.push(shortAccuracy);
    console.log(JSON.stringify({ study: id, path, accuracy, shortAccuracy }));
  }
  const known = own.map(({ accuracy }) => accuracy);
  console.log(JSON.stringify({ study: id, steps: Number(steps), count: own.length, spearman: spearman(short, known) }));
}
