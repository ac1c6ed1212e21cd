/** `bespoke space`: the search spaces that come with Bespoke, and what is in them. */
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type CellPresetName, cellPresetNames, openCells, resolveCells } from '../search/eeea/cell-presets.js';
import { drawGenes } from '../search/eeea/gene-space.js';
import { paramsOf } from '../search/eeea/objective.js';
import { buildSpace, type PresetName, presetNames } from '../search/presets.js';
import { candidateName, choose, type SearchSpace, samplePath, spaceSize } from '../search/space.js';
import { printResult } from './output.js';

const shown = presetNames.filter((name) => name !== 'custom');

export function registerSpace(program: Command): void {
  const space = program.command('space').description('search spaces: which networks a study chooses from');
  space
    .command('ls')
    .description('the presets; `custom` in a study takes its own stages, and cells any settings')
    .option('--json', 'one line of JSON')
    .action((options: { json?: boolean }) => {
      const rows = shown.map((name) => summarize(spaceOf(name, 32, 10)));
      const cells = cellPresetNames.map(summarizeCells);
      const lines = [
        'chains of blocks (space: NAME)',
        ...rows.map((row) => `  ${row.name.padEnd(14)}${describe(row)}`),
        'cells (method: eeea, evolution.cells: NAME)',
        ...cells.map((row) => `  ${row.name.padEnd(14)}${describeCells(row)}`),
      ];
      printResult(options, { chains: rows, cells }, lines.join('\n'));
    });
  space
    .command('show')
    .description('the slots of a preset and their candidates')
    .addArgument(new Argument('<name>').choices(shown))
    .option('--resolution <pixels>', 'height and width of the images', wholeNumber, 32)
    .option('--classes <count>', 'classes of the data set', wholeNumber, 10)
    .option('--json', 'one line of JSON')
    .action((name: PresetName, options: { json?: boolean; resolution: number; classes: number }) => {
      const built = spaceOf(name, options.resolution, options.classes);
      const summary = summarize(built);
      const slots = built.slots.map((slot) => {
        return { id: slot.id, candidates: slot.candidates.map((candidate) => candidateName(slot, candidate)) };
      });
      const lines = slots.map(({ id, candidates }) => `  ${id.padEnd(12)}${candidates.join(', ')}`);
      printResult(options, { ...summary, slots }, [`${name}: ${describe(summary)}`, ...lines].join('\n'));
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 2 && value <= 4096) return value;
  throw new InvalidArgumentError(`expected a whole number from 2 to 4096, but got "${text}"`);
}

function spaceOf(preset: PresetName, pixels: number, classCount: number): SearchSpace {
  return buildSpace({ preset }, { height: pixels, width: pixels, channels: 3, classes: { length: classCount } });
}

interface SpaceSummary {
  readonly name: string;
  readonly networks: number;
  readonly slots: number;
  /** Over 100 seeded random networks. */
  readonly meanMacs: number;
}

function summarize(space: SearchSpace): SpaceSummary {
  const stream = randomStream(0, 'space-summary');
  const sampleCount = 100;
  let macs = 0;
  for (let sample = 0; sample < sampleCount; sample++)
    macs += countMacs(lower(choose(space, samplePath(space, stream))));
  const searched = space.slots.filter((slot) => slot.candidates.length > 1).length;
  return { name: space.name, networks: spaceSize(space), slots: searched, meanMacs: Math.round(macs / sampleCount) };
}

function describe({ networks, slots, meanMacs }: SpaceSummary): string {
  return `${networks.toExponential(1)} networks in ${slots} searched slots, ${(meanMacs / 1e6).toFixed(1)} M MACs on average`;
}

interface CellsSummary {
  readonly name: CellPresetName;
  readonly genotypes: number;
  readonly ops: number;
  readonly steps: number;
  /** Of random genotypes' networks, at 32x32. */
  readonly meanParams: number;
}

function summarizeCells(name: CellPresetName): CellsSummary {
  const settings = resolveCells({ preset: name });
  const space = openCells(settings, { height: 32, width: 32, channels: 3, classes: { length: 10 } });
  const params = paramsOf(space);
  const stream = randomStream(0, 'cells-summary');
  const sampleCount = 100;
  let sum = 0;
  for (let sample = 0; sample < sampleCount; sample++) sum += params(drawGenes(space, stream));
  const genotypes = space.valueCounts.reduce((product, count) => product * count, 1);
  const { ops, steps } = settings;
  return { name, genotypes, ops: ops.length, steps, meanParams: Math.round(sum / sampleCount) };
}

function describeCells({ genotypes, ops, steps, meanParams }: CellsSummary): string {
  return `${genotypes.toExponential(1)} genotypes of ${ops} ops and ${steps} steps, ${(meanParams / 1e6).toFixed(2)} M parameters on average`;
}
