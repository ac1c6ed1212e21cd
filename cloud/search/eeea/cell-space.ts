/**
 * The spaces of EEEA-Net's cells (arXiv 2108.06156 §3.1, Table 2; NSGA-Net's micro space): a normal and a reduction cell, two (op, state) pairs per step.
 *
 *   genes: op state op state | op state op state | … normal cell, then the reduction cell, as the authors' code has them
 *
 * A cell that does not read both of its inputs is not legal: the cell before it would be dead, and runtimes differ in whether they run what is dead.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { CellOp } from '@bespoke/shared/network/cell-op.js';
import { type CellNetworkSettings, type Genotype, networkOfGenotype } from '@bespoke/shared/network/genotype.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { spaceName } from '../space.js';
import { canonicalCell } from './canonical-cell.js';
import { additiveCellCost, type CellPieces, cellPieces } from './cell-cost.js';
import { type GeneSpace, type Genes, onceEach } from './gene-space.js';

/** Which states step i may read, as how many of them. */
const readable = {
  /** 0 to i, as in EEEA-Net's code: no step reads the one right before it. */
  skipping: (step: number) => step + 1,
  /** 0 to i + 1, as in NSGA-Net and DARTS: every state before it. */
  all: (step: number) => step + 2,
} as const;

const concats = {
  /** The states that no step reads, as in the published genotypes. */
  'loose-ends': (pairs: readonly CellPair[]) =>
    stepStates(pairs).filter((state) => !pairs.some(([, read]) => read === state)),
  /** Every step's, as in the authors' last code and in DARTS. */
  all: (pairs: readonly CellPair[]) => stepStates(pairs),
} as const;

export interface CellSpaceSettings {
  readonly name: string;
  readonly ops: readonly CellOp[];
  /** Steps of a cell, 2 to 8. */
  readonly steps: number;
  readonly reads: keyof typeof readable;
  readonly concat: keyof typeof concats;
  readonly input: Network['input'];
  readonly classes: number;
  /** Of the network that is found, and of the smaller one that stands for it in evaluations. */
  readonly size: CellNetworkSize;
  readonly proxySize: CellNetworkSize;
}

/** Channels of the first cells, and how many cells there are. */
type CellNetworkSize = Pick<CellNetworkSettings, 'channels' | 'cells'>;

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

/** The authors' code has one more. */
export const eeeaCodeOps = [...eeeaOps, 'conv_7x1_1x7'] as const satisfies readonly CellOp[];

export interface CellSpace extends GeneSpace {
  readonly settings: CellSpaceSettings;
  genotype(genes: Genes): Genotype;
  /** The genes of a genotype's cells; its concat is the space's own. Throws `GENOTYPE_OUTSIDE` naming the first pair that the space has not. */
  encode(genotype: Genotype): number[];
}

export function openCellSpace(settings: CellSpaceSettings): CellSpace {
  const { name, ops, steps, concat, size, proxySize } = settings;
  const cellGenes = 4 * steps;
  let pieces: CellPieces | null = null;
  const pairsOf = (genes: Genes, first: number) =>
    Array.from({ length: 2 * steps }, (_, pair): CellPair => {
      const at = first + 2 * pair;
      return [ops[genes[at]!]!, genes[at + 1]!];
    });
  const genotype = (genes: Genes) => genotypeOf(settings, pairsOf(genes, 0), pairsOf(genes, cellGenes));
  const stateCounts = Array.from({ length: 2 * steps }, (_, pair) => readable[settings.reads](Math.floor(pair / 2)));
  const valueCounts = [0, 1].flatMap(() => stateCounts.flatMap((states) => [ops.length, states]));
  return {
    settings,
    name: spaceName(name, settings.input),
    valueCounts,
    groupSize: 2,
    isLegal: (genes) => readsInputs(genes, 0, cellGenes) && readsInputs(genes, cellGenes, 2 * cellGenes),
    key: (genes) => `${canonicalCell(pairsOf(genes, 0))}|${canonicalCell(pairsOf(genes, cellGenes))}`,
    genotype,
    encode: ({ normal, reduce }) => [
      ...encodeCell(settings, 'normal', normal),
      ...encodeCell(settings, 'reduce', reduce),
    ],
    decode: (genes) => networkOf(settings, genotype(genes), size),
    decodeProxy: (genes) => networkOf(settings, genotype(genes), proxySize),
    additive(costOf) {
      pieces ??= cellPieces({ ops, steps, concat }, (probe) => networkOf(settings, probe, size));
      return additiveCellCost({ ops, steps, concat }, pieces, onceEach(costOf));
    },
  };
}

function networkOf({ name, input, classes }: CellSpaceSettings, genotype: Genotype, size: CellNetworkSize): Network {
  const { height: resolution } = input;
  const form = { name, skeleton: 'cifar', classes, resolution, squeezeExcite: false } as const;
  return { ...networkOfGenotype(genotype, { ...form, ...size }), input };
}

/** The genotype of two cells, with the space's own concat. */
function genotypeOf(
  { concat }: Pick<CellSpaceSettings, 'concat'>,
  normal: readonly CellPair[],
  reduce: readonly CellPair[],
): Genotype {
  const concatOf = concats[concat];
  return { normal, normalConcat: concatOf(normal), reduce, reduceConcat: concatOf(reduce) };
}

function encodeCell(
  { name, ops, steps, reads }: CellSpaceSettings,
  cell: string,
  pairs: readonly CellPair[],
): number[] {
  if (pairs.length !== 2 * steps) {
    throw new AppError('GENOTYPE_OUTSIDE', {
      space: name,
      cell,
      expected: `${2 * steps} pairs`,
      got: `${pairs.length}`,
    });
  }
  return pairs.flatMap(([op, state], index) => {
    const states = readable[reads](Math.floor(index / 2));
    if (!ops.includes(op) || state >= states) {
      const expected = `one of ${ops.join(', ')} on a state from 0 to ${states - 1} as pair ${index}`;
      throw new AppError('GENOTYPE_OUTSIDE', { space: name, cell, expected, got: `${op} on ${state}` });
    }
    return [ops.indexOf(op), state];
  });
}

function stepStates(pairs: readonly CellPair[]): number[] {
  return Array.from({ length: pairs.length / 2 }, (_, step) => step + 2);
}

/** Whether some of the pairs in genes first ..< end read state 0, and some state 1. */
function readsInputs(genes: Genes, first: number, end: number): boolean {
  let read = 0;
  for (let at = first + 1; at < end; at += 2) if (genes[at]! < 2) read |= 1 << genes[at]!;
  return read === 3;
}
