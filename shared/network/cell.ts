/**
 * cell: a NASNet-style cell (EEEA-Net, DARTS). It reads the outputs of the two blocks before it and hands on [the block before, its own].
 *
 *   s0 ─ preprocess ─ state 0 ┐    step i adds the results of two (op, state) pairs and is state i + 2;
 *   s1 ─ preprocess ─ state 1 ┴─▶  the states in `concat` are concatenated; squeeze-and-excitation may follow
 *
 * A preprocess is ReLU, 1x1 convolution, BN; where the cell before reduced, s0 is larger than s1 and is halved by a
 * factorized reduce. In a reduction cell an op on state 0 or 1 has stride 2. Where the papers' code pads evenly on both sides, this pads
 * as SAME: same sizes and counts.
 */
import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { blockOf, type Graph, type GraphBuilder, type TensorId } from '../graph/graph.js';
import type { Shape } from '../graph/tensor.js';
import { CellBuilder } from './cell-builder.js';
import { type CellOp, cellOps } from './cell-op.js';
import { type CellPart, lowerPart } from './cell-part.js';
import { channelCount } from './conv.js';

/** An op and the state that it reads. */
export type CellPair = readonly [op: CellOp, state: number];

export interface CellBlock {
  /** Channels of every state; the cell's output has as many times that as `concat` names states. */
  readonly channels: number;
  readonly reduction: boolean;
  /** Two pairs per step. */
  readonly pairs: readonly CellPair[];
  readonly concat: readonly number[];
  readonly squeezeExcite: boolean;
}

const state = z.number().int().min(0).max(33);
export const cellPairs = z
  .array(z.tuple([z.enum(cellOps), state]))
  .min(2)
  .max(64);
export const cellConcat = z.array(state).min(1).max(32);
export const cellSchema = z.strictObject({
  channels: channelCount,
  reduction: z.boolean(),
  pairs: cellPairs,
  concat: cellConcat,
  squeezeExcite: z.boolean(),
});

/** What makes a cell illegal and where, or null: an odd pair, a state read too early, named twice, or used by nothing. */
export function findCellProblem(
  pairs: readonly CellPair[],
  concat: readonly number[],
): { field: 'pairs' | 'concat'; path: readonly number[]; problem: string } | null {
  if (pairs.length % 2 !== 0)
    return { field: 'pairs', path: [], problem: `expected two pairs per step, but got ${pairs.length} pairs` };
  const stateCount = pairs.length / 2 + 2;
  for (const [index, [, state]] of pairs.entries()) {
    const last = Math.floor(index / 2) + 1;
    if (state > last)
      return { field: 'pairs', path: [index, 1], problem: `expected a state from 0 to ${last}, but got ${state}` };
  }
  for (const [index, state] of concat.entries()) {
    if (state >= stateCount)
      return {
        field: 'concat',
        path: [index],
        problem: `expected a state from 0 to ${stateCount - 1}, but got ${state}`,
      };
    if (concat.indexOf(state) !== index)
      return { field: 'concat', path: [index], problem: `state ${state} is named twice` };
  }
  for (let state = 2; state < stateCount; state++) {
    if (!concat.includes(state) && !pairs.some(([, read]) => read === state)) {
      return {
        field: 'concat',
        path: [],
        problem: `state ${state} leads to no output: read it in a later step or concatenate it`,
      };
    }
  }
  return null;
}

/** Is told of each part before it is lowered. */
export type PartVisitor = (part: CellPart, inputShapes: readonly Shape[]) => void;

/** s0 [H0, W0, C0], s1 [H, W, C1] (one input stands for both) -> [s1, out], out [H/s, W/s, channels * concat.length] */
export function lowerCell(
  builder: GraphBuilder,
  id: string,
  block: CellBlock,
  inputs: readonly TensorId[],
  visit?: PartVisitor,
): readonly TensorId[] {
  const { channels, pairs, concat } = block;
  const problem = findCellProblem(pairs, concat);
  if (problem)
    throw new AppError('GRAPH_ILLEGAL', {
      where: `${id}.${problem.field}`,
      expected: 'a legal cell',
      got: problem.problem,
    });
  const s1 = inputs.at(-1)!;
  const s0 = inputs.length > 1 ? inputs[0]! : s1;

  const cell = new CellBuilder(builder, id);
  const add = (name: string, part: CellPart, ...tensors: readonly TensorId[]) => {
    visit?.(
      part,
      tensors.map((tensor) => builder.shape(tensor)),
    );
    return lowerPart(cell, name, part, tensors);
  };
  const used = new Set([...pairs.map(([, read]) => read), ...concat]);
  const halves = builder.shape(s0)[0] !== builder.shape(s1)[0];
  const states: TensorId[] = [
    used.has(0) ? add('pre0', { kind: 'preprocess', channels, halves }, s0) : s0,
    used.has(1) ? add('pre1', { kind: 'preprocess', channels, halves: false }, s1) : s1,
  ];
  for (let step = 0; step < pairs.length / 2; step++) {
    const [left, right] = [0, 1].map((side) => {
      const [op, from] = pairs[2 * step + side]!;
      const stride = block.reduction && from < 2 ? 2 : 1;
      return add(`${step}${'ab'[side]}`, { kind: 'op', op, stride }, states[from]!);
    });
    states.push(add(`${step}`, { kind: 'add' }, left!, right!));
  }
  const maps = concat.map((index) => states[index]!);
  const out = add('concat', { kind: 'concat', count: maps.length }, ...maps);
  return [s1, block.squeezeExcite ? add('se', { kind: 'squeezeExcite' }, out) : out];
}

/** The cells of a graph, in order: the blocks that end steps, by the names that `lowerCell` gives. */
export function cellBlocks(graph: Graph): readonly string[] {
  return [...new Set(stepsOf(graph).map(({ id }) => blockOf(id)))];
}

/**
 * The results of all ops of a graph's cells, but of those that hand a state on as it is: the paths that drop path cuts (DARTS's code; EEEA-Net).
 * By the names that `lowerCell` gives: `<cell>/3` adds `<cell>/3a…` and `<cell>/3b…`.
 */
export function cellPaths(graph: Graph): readonly TensorId[] {
  return stepsOf(graph).flatMap(({ id, inputs }) =>
    inputs.filter((input) => input.startsWith(id) && /^[ab](-|$)/.test(input.slice(id.length))),
  );
}

function stepsOf({ nodes }: Graph): Graph['nodes'] {
  return nodes.filter(({ id, op }) => op === 'add' && /\/\d+$/.test(id));
}
