/** Published genotypes: EEEA-Net's EA and EEEA-A to C, and DARTS's second. */

import type { CellPair } from '../cell.js';
import type { CellOp } from '../cell-op.js';
import type { Genotype } from '../genotype.js';

const shortNames: { readonly [name: string]: CellOp } = {
  max: 'max_pool_3x3',
  avg: 'avg_pool_3x3',
  skip: 'skip_connect',
  sep3: 'sep_conv_3x3',
  sep5: 'sep_conv_5x5',
  dil3: 'dil_conv_3x3',
  dil5: 'dil_conv_5x5',
  inv3: 'inv_res_3x3',
  inv5: 'inv_res_5x5',
};

/** `sep3 0, skip 1` -> pairs */
function pairs(text: string): readonly CellPair[] {
  return text.split(', ').map((pair) => {
    const [op, state] = pair.split(' ');
    return [shortNames[op!]!, Number(state)];
  });
}

export const genotypes = {
  'ea-net': {
    normal: pairs('dil3 0, max 0, inv5 1, dil5 1, avg 1, avg 1, inv5 3, inv3 2, sep3 4, max 3'),
    normalConcat: [5, 6],
    reduce: pairs('avg 0, inv3 0, inv5 1, dil3 0, inv3 0, dil5 0, max 3, skip 3, max 0, sep3 0'),
    reduceConcat: [2, 4, 5, 6],
  },
  'eeea-a': {
    normal: pairs('max 0, inv3 0, dil3 1, max 0, skip 2, inv3 0, avg 2, skip 3, avg 4, skip 3'),
    normalConcat: [5, 6],
    reduce: pairs('skip 0, dil3 0, max 1, avg 0, dil3 0, avg 0, skip 2, skip 3, dil3 3, dil5 0'),
    reduceConcat: [4, 5, 6],
  },
  'eeea-b': {
    normal: pairs('skip 0, max 0, max 1, skip 1, skip 1, skip 2, dil3 3, sep3 1, max 4, sep3 4'),
    normalConcat: [5, 6],
    reduce: pairs('skip 0, inv5 0, avg 0, dil3 1, inv3 1, skip 1, max 1, avg 1, avg 2, dil3 3'),
    reduceConcat: [4, 5, 6],
  },
  'eeea-c': {
    normal: pairs('dil5 0, max 0, inv5 0, inv3 0, dil5 2, inv3 2, sep5 1, skip 2, sep3 1, avg 4'),
    normalConcat: [3, 5, 6],
    reduce: pairs('inv3 0, dil3 0, avg 0, inv3 0, dil5 1, max 1, skip 3, max 3, inv5 4, inv3 2'),
    reduceConcat: [5, 6],
  },
  'darts-v2': {
    normal: pairs('sep3 0, sep3 1, sep3 0, sep3 1, sep3 1, skip 0, skip 0, dil3 2'),
    normalConcat: [2, 3, 4, 5],
    reduce: pairs('max 0, max 1, skip 2, max 1, max 0, skip 2, skip 2, max 1'),
    reduceConcat: [2, 3, 4, 5],
  },
} as const satisfies { readonly [name: string]: Genotype };
