/**
 * What the early exits cost, and how busy workers are kept when some evaluations take four times as long as others.
 *
 *   node test/bench/gates.mjs
 *
 * Aims: parameters and latency of a genotype in <= 20 us, 100,000 candidates drawn and screened in <= 2 s, workers busy >= 95% of the time in steady state.
 */
import { fileURLToPath } from 'node:url';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { EarlyExit } from '@bespoke/cloud/search/eeea/early-exit.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { openEvaluationPool } from '@bespoke/cloud/train/evaluation/pool.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { median } from '@bespoke/shared/latency/statistics.js';

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const space = openCells(resolveCells({ preset: 'published' }), shape);
/** Any latencies do: they are looked up. */
const predictMs = space.additive((piece) => 0.01 + Number.parseInt(hashJson(piece).slice(0, 4), 16) / 2 ** 20);
const params = paramsOf(space);
const gates = new EarlyExit({
  params: { params, below: 3_500_000 },
  latencies: [{ predictMs, budgetMs: predictMs(drawGenes(space, randomStream(0, 'budget'))), marginShare: 0.02 }],
});

const roundCount = 5;
const candidateCount = 100_000;
const [gateUs, screenMs] = [[], []];
for (let round = 0; round < roundCount; round++) {
  const stream = randomStream(round, 'candidates');
  const genotypes = Array.from({ length: 10_000 }, () => drawGenes(space, stream));
  let startMs = performance.now();
  for (const genes of genotypes) gates.admits(genes);
  gateUs.push((1000 * (performance.now() - startMs)) / genotypes.length);

  startMs = performance.now();
  const seen = new Set();
  for (let drawn = 0; drawn < candidateCount; drawn++) {
    const genes = drawGenes(space, stream);
    if (gates.admits(genes)) seen.add(space.key(genes));
  }
  screenMs.push(performance.now() - startMs);
}
console.log(`gate: ${median(gateUs).toFixed(2)} us per genotype (aim <= 20), parameters and latency`);
console.log(
  `screening: ${candidateCount} drawn, priced and keyed in ${(median(screenMs) / 1000).toFixed(2)} s (aim <= 2)`,
);

/** As an evolution in steady state does: as many under way as there are workers, the next begun when one ends. */
const workerCount = 4;
const entry = fileURLToPath(new URL('../cloud/train/evaluation/fixtures/worker.mjs', import.meta.url));
const pool = openEvaluationPool({ workerCount, threadCount: 1, backend: 'wasm', dataDirectory: '.', entry });
const evaluate = (milliseconds) => pool.evaluate({ recipe: { seed: milliseconds } });
await Promise.all(Array.from({ length: workerCount }, () => evaluate(1)));
const durations = randomStream(0, 'durations');
let busySeconds = 0;
let left = 100;
const startMs = performance.now();
await Promise.all(
  Array.from({ length: workerCount }, async () => {
    while (left-- > 0) {
      const { seconds } = await evaluate(100 + durations.integer(300));
      busySeconds += seconds;
    }
  }),
);
const utilisation = busySeconds / ((workerCount * (performance.now() - startMs)) / 1000);
await pool.close();
console.log(
  `workers: busy ${(100 * utilisation).toFixed(1)}% of the time (aim >= 95%), ${workerCount} of them, evaluations of 0.1 to 0.4 s`,
);
