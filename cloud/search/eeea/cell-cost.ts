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
  networkOf(genotype: Genotype): Network;
}

/** Cost of a network by its genes (cell-space.ts). `costOf` is asked once for each piece. */
export function additiveCellCost(settings: CellCostSettings, costOf: PieceCost): (genes: Genes) => number {
  const { ops, steps, concat } = settings;
  const cost = onceEach(costOf);
  const frames = frameTable(settings, cost);
  const opCosts = opTable(settings, cost);
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

/** All but the ops, by the maps of both concats, 1 to `steps` each. */
function frameTable(settings: CellCostSettings, costOf: PieceCost): Float64Array {
  const { steps, ops } = settings;
  const table = new Float64Array((steps + 1) ** 2);
  for (let normal = 1; normal <= steps; normal++) {
    for (let reduce = 1; reduce <= steps; reduce++) {
      const parts = probe(settings, ops[0]!, normal, reduce).flatMap(partsOf);
      const frame = parts.filter((part) => !isOp(part) && runs(part));
      table[normal * (steps + 1) + reduce] = frame.reduce((sum, part) => sum + costOf(part), 0);
    }
  }
  return table;
}

/** Of one pair, in all the network's cells of its kind. */
function opTable(settings: CellCostSettings, costOf: PieceCost): Float64Array {
  const { ops } = settings;
  const table = new Float64Array(4 * ops.length);
  ops.forEach((op, index) => {
    for (const workload of probe(settings, op, 1, 1)) {
      if (workload.body.kind !== 'cell') continue;
      const pairs = partsOf(workload).filter(isOp);
      // Of the probe's pairs, the first reads an input of the cell, the last a step.
      for (const [part, readsInput] of [
        [pairs[0]!, true],
        [pairs.at(-1)!, false],
      ] as const) {
        const at = opAt(ops.length, workload.body.reduction ? 1 : 0, index, readsInput);
        if (runs(part)) table[at] = table[at]! + costOf(part);
      }
    }
  });
  return table;
}

/** The blocks of a network whose cells have one op throughout: a chain of steps, of whose states so many are concatenated. */
function probe(
  { steps, networkOf }: CellCostSettings,
  op: CellOp,
  normalMaps: number,
  reduceMaps: number,
): BlockWorkload[] {
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
  const genotype = { normal: cell, normalConcat: concat(normalMaps), reduce: cell, reduceConcat: concat(reduceMaps) };
  return workloadsOf(networkOf(genotype));
}

function isOp({ body }: BlockWorkload): boolean {
  return body.kind === 'cell-part' && body.part.kind === 'op';
}

function onceEach(costOf: PieceCost): PieceCost {
  const costs = new Map<string, number>();
  return (piece) => {
    const key = JSON.stringify(piece);
    const known = costs.get(key);
    if (known !== undefined) return known;
    const cost = costOf(piece);
    costs.set(key, cost);
    return cost;
  };
}
