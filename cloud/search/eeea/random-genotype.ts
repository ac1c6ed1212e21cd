/**
 * Random genotypes of EEEA-Net's space: nine ops, two (op, state) pairs per step, loose ends concatenated.
 *
 * As in the authors' code, step i reads states 0 to i, so none reads the step right before it (docs/search.md). A cell that
 * does not read state 1, the cell before it, is drawn again: that cell would be dead, and runtimes differ in whether they run what is dead.
 */
import type { RandomStream } from '@bespoke/shared/base/random.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { CellOp } from '@bespoke/shared/network/cell-op.js';
import { type CellNetworkSettings, type Genotype, networkOfGenotype } from '@bespoke/shared/network/genotype.js';
import type { Network } from '@bespoke/shared/network/network.js';

/** The paper's Table 2. */
export const eeeaOps = [
  'max_pool_3x3',
  'avg_pool_3x3',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
  'inv_res_3x3',
  'inv_res_5x5',
  'skip_connect',
] as const satisfies readonly CellOp[];

/** The paper's A to D. */
const stepCount = 4;

/** CIFAR's skeleton, small: two normal cells between and around two reductions, some milliseconds on a desktop core. */
export const smallCells: CellNetworkSettings = {
  name: 'eeea',
  skeleton: 'cifar',
  classes: 10,
  channels: 16,
  cells: 5,
  resolution: 32,
  squeezeExcite: false,
};

export function randomGenotype(stream: RandomStream): Genotype {
  const [normal, reduce] = [randomCell(stream), randomCell(stream)];
  return { normal, normalConcat: looseEnds(normal), reduce, reduceConcat: looseEnds(reduce) };
}

export function randomCellNetwork(stream: RandomStream, settings: CellNetworkSettings = smallCells): Network {
  return networkOfGenotype(randomGenotype(stream), settings);
}

function randomCell(stream: RandomStream): CellPair[] {
  for (;;) {
    const pairs = Array.from({ length: 2 * stepCount }, (_, index): CellPair => {
      const states = Math.floor(index / 2) + 1;
      return [eeeaOps[stream.integer(eeeaOps.length)]!, stream.integer(states)];
    });
    if (pairs.some(([, state]) => state === 1)) return pairs;
  }
}

/** The states of steps that no step reads. */
function looseEnds(pairs: readonly CellPair[]): number[] {
  const steps = Array.from({ length: pairs.length / 2 }, (_, step) => step + 2);
  return steps.filter((state) => !pairs.some(([, read]) => read === state));
}
