/**
 * Costs of cell networks that are sums over their pieces (parameters, MACs, predicted milliseconds), as table lookups:
 *
 *   cost = frame[maps of the normal concat][maps of the reduction concat]   stem, preprocesses, adds, concats, head
 *        + sum over pairs of op[cell][op][reads an input or a step]         in all cells of that kind at once
 *
 * The tables come from networks that are lowered like any other, so no shape is computed here.
 */
import { type BlockWorkload, partsOf, runs, workloadsOf } from '@bespoke/shared/latency/workload.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { CellOp } from '@bespoke/shared/network/cell-op.js';
import type { Genotype } from '@bespoke/shared/network/genotype.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { Genes, PieceCost } from './gene-space.js';

export interface CellCostSettings {
  readonly ops: readonly CellOp[];
  readonly steps: number;
  readonly concat: 'loose-ends' | 'all';
}

/** The pieces whose costs each cell of the tables adds up. */
export interface CellPieces {
  /** [(maps of the normal concat) * (steps + 1) + maps of the reduction concat]; 1 to `steps` maps each. */
  readonly frames: readonly (readonly BlockWorkload[])[];
  /** As `opAt` has them. */
  readonly ops: readonly (readonly BlockWorkload[])[];
}

/** Lowers the networks that the tables come from: half a second for twenty cells, so once for a space. */
export function cellPieces(settings: CellCostSettings, networkOf: (genotype: Genotype) => Network): CellPieces {
  const probe: Probe = (op, normalMaps, reduceMaps) =>
    workloadsOf(networkOf(probeGenotype(settings.steps, op, normalMaps, reduceMaps)));
  return { frames: framePieces(settings, probe), ops: opPieces(settings, probe) };
}

/** Cost of a network by its genes (cell-space.ts). */
export function additiveCellCost(
  { ops, steps, concat }: CellCostSettings,
  pieces: CellPieces,
  costOf: PieceCost,
): (genes: Genes) => number {
  const sumOf = (parts: readonly BlockWorkload[]) => parts.reduce((sum, part) => sum + costOf(part), 0);
  const frames = Float64Array.from(pieces.frames, sumOf);
  const opCosts = Float64Array.from(pieces.ops, sumOf);
  const cellGenes = 4 * steps;
  const mapCount = concat === 'all' ? () => steps : (genes: Genes, first: number) => looseCount(genes, first, steps);
  return (genes) => {
    let sum = frames[mapCount(genes, 0) * (steps + 1) + mapCount(genes, cellGenes)]!;
    for (let at = 0; at < 2 * cellGenes; at += 2) {
      const cell = at < cellGenes ? 0 : 1;
      sum += opCosts[opAt(ops.length, cell, genes[at]!, genes[at + 1]! < 2)]!;
    }
    return sum;
  };
}

/** How many steps' states no pair of the cell reads. */
function looseCount(genes: Genes, first: number, steps: number): number {
  let read = 0;
  for (let at = first + 1; at < first + 4 * steps; at += 2) read |= 1 << genes[at]!;
  let count = 0;
  for (let state = 2; state < steps + 2; state++) if ((read & (1 << state)) === 0) count++;
  return count;
}

function opAt(opCount: number, cell: number, op: number, readsInput: boolean): number {
  return (cell * opCount + op) * 2 + (readsInput ? 0 : 1);
}

/** The blocks of a network whose cells have one op throughout and so many maps in their concats. */
type Probe = (op: CellOp, normalMaps: number, reduceMaps: number) => BlockWorkload[];

/** All but the ops. */
function framePieces({ steps, ops }: CellCostSettings, probe: Probe): BlockWorkload[][] {
  const table = Array.from({ length: (steps + 1) ** 2 }, (): BlockWorkload[] => []);
  for (let normal = 1; normal <= steps; normal++) {
    for (let reduce = 1; reduce <= steps; reduce++) {
      const parts = probe(ops[0]!, normal, reduce).flatMap(partsOf);
      table[normal * (steps + 1) + reduce] = parts.filter((part) => !isOp(part) && runs(part));
    }
  }
  return table;
}

/** Of one pair, in all the network's cells of its kind. */
function opPieces({ ops }: CellCostSettings, probe: Probe): BlockWorkload[][] {
  const table = Array.from({ length: 4 * ops.length }, (): BlockWorkload[] => []);
  ops.forEach((op, index) => {
    for (const workload of probe(op, 1, 1)) {
      if (workload.body.kind !== 'cell') continue;
      const pairs = partsOf(workload).filter(isOp);
      const cell = workload.body.reduction ? 1 : 0;
      // Of the probe's pairs, the first reads an input of the cell, the last a step.
      for (const [part, readsInput] of [[pairs[0]!, true] as const, [pairs.at(-1)!, false] as const]) {
        if (runs(part)) table[opAt(ops.length, cell, index, readsInput)]!.push(part);
      }
    }
  });
  return table;
}

/** Both cells a chain of steps, of whose states so many are concatenated. */
function probeGenotype(steps: number, op: CellOp, normalMaps: number, reduceMaps: number): Genotype {
  const cell = Array.from({ length: steps }, (_, step): CellPair[] =>
    step === 0
      ? [
          [op, 0],
          [op, 1],
        ]
      : [
          [op, step + 1],
          [op, step + 1],
        ],
  ).flat();
  const concat = (maps: number) => Array.from({ length: maps }, (_, index) => steps + 1 - index);
  return { normal: cell, normalConcat: concat(normalMaps), reduce: cell, reduceConcat: concat(reduceMaps) };
}

function isOp({ body }: BlockWorkload): boolean {
  return body.kind === 'cell-part' && body.part.kind === 'op';
}
