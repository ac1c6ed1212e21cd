/**
 * The evolutionary core against pymoo's NSGA2 and moocore: how good the fronts are that both find in equal evaluations, and how fast both
 * are. The aims are printed beside the figures; the exit code is 1 where a hypervolume is significantly worse or not the same number.
 *
 * `node test/bench/evolution.mjs [seeds [problem ...]]`, after a build; pymoo comes by `node scripts/prepare.mjs --pymoo`. Fronts do not
 * depend on what else the machine does, times do.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hypervolume } from '@bespoke/cloud/search/evolution/hypervolume.js';
import { pointsOf } from '@bespoke/cloud/search/evolution/points.js';
import { frontRanks } from '@bespoke/cloud/search/evolution/sort.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { ascending, median } from '@bespoke/shared/latency/statistics.js';
import { evolve, populationSize } from '../../build/test/support/evolve.js';
import { problems } from '../../build/test/support/problems.js';

const [seedCount = '11', ...chosen] = process.argv.slice(2);
const seeds = Array.from({ length: Number(seedCount) }, (_, seed) => seed);
const names = chosen.length > 0 ? chosen : Object.keys(problems);
const python = fileURLToPath(new URL('../../build/python/bin/python', import.meta.url));
const significance = 0.05;
/** How far below pymoo's the median may be, by the number of objectives. */
const tolerances = { 2: 0.001, 3: 0.01 };
/** Two exact hypervolumes of the same points differ by rounding alone. */
const rounding = 1e-9;

if (!existsSync(python)) {
  console.log('evolution: SKIPPED, no build/python with pymoo; run `node scripts/prepare.mjs --pymoo`');
  process.exit(0);
}

const child = spawn(python, [fileURLToPath(new URL('evolution.py', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

async function answer() {
  const { value, done } = await lines.next();
  if (done) throw new Error('pymoo is not there: run `node scripts/prepare.mjs --pymoo`');
  return JSON.parse(value);
}

async function ask(what, request) {
  child.stdin.write(`${JSON.stringify({ what, ...request })}\n`);
  return answer();
}

/** The least time of `repeats`, in milliseconds, and the last result. */
function timed(repeats, work) {
  let [ms, result] = [Infinity];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    result = work();
    ms = Math.min(ms, performance.now() - started);
  }
  return { ms, result };
}

const failures = [];
const spread = (values, digits = 5) =>
  `${median(values).toFixed(digits)} [${ascending(values)[0].toFixed(digits)} ${ascending(values).at(-1).toFixed(digits)}]`;

async function compareFronts(name) {
  const problem = problems[name];
  const { bounds, objectiveCount, generationCount, reference } = problem;
  const options = name.startsWith('dtlz') ? { n_var: bounds.length, n_obj: objectiveCount } : {};
  const volume = (front) => hypervolume(pointsOf(front, objectiveCount), reference);
  const [ours, theirs] = [[], []];
  for (const seed of seeds) {
    const mine = timed(1, () => evolve(problem, generationCount, seed));
    ours.push({ ms: mine.ms, volume: volume(mine.result) });
    const { ms, objectives } = await ask('evolve', { problem: name, options, generations: generationCount, seed });
    theirs.push({ ms, volume: volume(objectives) });
  }
  const [a, b] = [ours, theirs].map((runs) => runs.map((run) => run.volume));
  const { p } = await ask('worse', { ours: a, theirs: b });
  const shift = median(a) / median(b) - 1;
  const isGood = p > significance && shift >= -tolerances[objectiveCount];
  if (!isGood) failures.push(name);
  console.log(
    `  ${name.padEnd(6)} ${spread(a)}   ${spread(b)}   ${(100 * shift).toFixed(3).padStart(7)}%  ${p.toFixed(4)}  ${isGood ? 'ok' : 'WORSE'}   ` +
      `${spread(
        ours.map(({ ms }) => ms),
        0,
      )}   ${spread(
        theirs.map(({ ms }) => ms),
        0,
      )}`,
  );
}

/** Uniformly random points. */
function cloudOf(count, objectiveCount) {
  const stream = randomStream('bench', count, objectiveCount);
  return Array.from({ length: count }, () => Array.from({ length: objectiveCount }, stream.uniform));
}

/** Points of the unit sphere where all coordinates are positive: none dominates another. */
function sphereOf(count, objectiveCount) {
  const stream = randomStream('sphere', count, objectiveCount);
  return Array.from({ length: count }, () => {
    const direction = Array.from({ length: objectiveCount }, () => Math.abs(stream.normal()));
    const length = Math.hypot(...direction);
    return direction.map((value) => value / length);
  });
}

async function compareSorting(count, objectiveCount) {
  const rows = cloudOf(count, objectiveCount);
  const points = pointsOf(rows, objectiveCount);
  const repeats = count > 1000 ? 15 : 300;
  const { ms, result } = timed(repeats, () => frontRanks(points));
  const theirs = await ask('sort', { points: rows, repeats });
  if (theirs.ranks.some((rank, row) => rank !== result[row])) failures.push(`sorting ${count} x ${objectiveCount}`);
  const aim = objectiveCount === 2 || count <= 200 ? ', aim <= 1' : count === 10_000 ? ', aim <= 2' : '';
  console.log(
    `  ${String(count).padStart(6)} points, ${objectiveCount} objectives: ${ms.toFixed(3)} ms, pymoo ${theirs.ms.toFixed(3)} ms, ratio ${(ms / theirs.ms).toFixed(2)}${aim}`,
  );
}

async function compareVolume(objectiveCount) {
  const rows = sphereOf(1000, objectiveCount);
  const reference = new Array(objectiveCount).fill(1.1);
  const points = pointsOf(rows, objectiveCount);
  const repeats = objectiveCount > 3 ? 20 : 200;
  const { ms, result } = timed(repeats, () => hypervolume(points, reference));
  const theirs = await ask('hypervolume', { points: rows, reference, repeats });
  const difference = Math.abs(result - theirs.volume);
  if (difference > rounding) failures.push(`hypervolume of ${objectiveCount} objectives`);
  console.log(
    `  1000 points, ${objectiveCount} objectives: ${ms.toFixed(3)} ms, moocore ${theirs.ms.toFixed(3)} ms, difference ${difference.toExponential(1)}${objectiveCount === 3 ? ', aim <= 0.5 ms' : ''}`,
  );
}

const versions = await answer();
console.log(
  `pymoo ${versions.pymoo}, moocore ${versions.moocore}, numpy ${versions.numpy}, Node ${process.versions.node}; load average ${loadavg()[0].toFixed(1)}`,
);
console.log(
  `hypervolume after populations of ${populationSize}, ${seeds.length} seeds: ours and pymoo's as median [least greatest], difference of medians, p of ours being worse; then ms of a run`,
);
timed(3, () => evolve(problems.zdt1, 50, 0)); // warm-up
for (const name of names) await compareFronts(name);
const zdt1 = timed(9, () => evolve(problems.zdt1, problems.zdt1.generationCount, 0));
console.log(`25,000 evaluations of ZDT1: ${zdt1.ms.toFixed(0)} ms (least of 9), aim <= 150`);
console.log('sorting, least of many');
for (const objectiveCount of [2, 3, 4])
  for (const count of [80, 200, 1000, 10_000]) await compareSorting(count, objectiveCount);
console.log('hypervolume of a sphere, least of many');
for (const objectiveCount of [2, 3, 4]) await compareVolume(objectiveCount);
child.stdin.end();
if (failures.length > 0) {
  console.log(`missed: ${failures.join('; ')}`);
  process.exitCode = 1;
}
