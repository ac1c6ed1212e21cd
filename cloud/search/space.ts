/**
 * SearchSpace: a sequence of slots, each with the blocks that may stand there. Searches choose; what they choose is a
 * plain Network that does not know that it was searched.
 *
 * All candidates of a slot give the same shapes, so what a slot reads does not depend on the choices before it: each
 * (slot, candidate) is one workload, and a network's latency is the sum over its slots.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RandomStream } from '@bespoke/shared/base/random.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { formatShape, type Shape } from '@bespoke/shared/graph/tensor.js';
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { type Block, bodyOf, lowerBlock } from '@bespoke/shared/network/block.js';
import type { Network } from '@bespoke/shared/network/network.js';

export interface Slot {
  readonly id: string;
  /** One candidate: the block is fixed. More: it is searched. Ids are `<slot id>.<candidate name>`, so a derived network's weights are named as the supernet's. */
  readonly candidates: readonly Block[];
}

export interface SearchSpace {
  readonly name: string;
  readonly input: Network['input'];
  readonly slots: readonly Slot[];
}

/** A space's name, and the size of what its networks read. */
export function spaceName(name: string, { height, width, channels }: Network['input']): string {
  return `${name}, ${height}x${width}x${channels}`;
}

/** The network that holds candidate `indices[slot]` in every slot. Throws `SPACE_CHOICE_INVALID`. */
export function choose(space: SearchSpace, indices: readonly number[], name = space.name): Network {
  const blocks = space.slots.map((slot, index) => {
    const block = slot.candidates[indices[index]!];
    if (!block) {
      const got = indices[index]!;
      throw new AppError('SPACE_CHOICE_INVALID', { slot: slot.id, candidates: slot.candidates.length, got });
    }
    return block;
  });
  return { version: 1, name, input: space.input, blocks };
}

/** How many networks the space holds. */
export function spaceSize(space: SearchSpace): number {
  return space.slots.reduce((product, slot) => product * slot.candidates.length, 1);
}

/** A network drawn uniformly, as candidate indices. */
export function samplePath(space: SearchSpace, stream: RandomStream): number[] {
  return space.slots.map((slot) => stream.integer(slot.candidates.length));
}

/** A candidate's name without its slot's: `k3 e6`, `skip`, `conv`. */
export function candidateName(slot: Slot, candidate: Block): string {
  return candidate.id.slice(slot.id.length + 1).replaceAll('-', ' ');
}

/**
 * The workload of every candidate, [slot][candidate]. A candidate of kind `identity` is a workload of 0 ms: nothing runs.
 * Throws `SPACE_SHAPES_DIFFER` where the candidates of a slot disagree, `GRAPH_ILLEGAL` where one does not fit its input.
 */
export function slotWorkloads(space: SearchSpace): BlockWorkload[][] {
  const { height, width, channels } = space.input;
  let inputShapes: readonly Shape[] = [[height, width, channels]];
  return space.slots.map((slot) => {
    const workloads = slot.candidates.map((block): BlockWorkload => {
      return { kind: 'block', body: bodyOf(block), inputShapes, dtype: 'float32', batch: 1 };
    });
    inputShapes = commonOutput(slot, inputShapes);
    return workloads;
  });
}

/** What every candidate of the slot gives for these inputs. */
function commonOutput(slot: Slot, inputShapes: readonly Shape[]): readonly Shape[] {
  const outputs = slot.candidates.map((block) => {
    const builder = new GraphBuilder();
    const inputs = inputShapes.map((shape, index) => builder.input(`input${index}`, shape));
    return lowerBlock(builder, block.id, block, inputs).map((output) => builder.shape(output));
  });
  const text = (shapes: readonly Shape[]) => shapes.map(formatShape).join(' and ');
  const expected = text(outputs[0]!);
  outputs.forEach((shapes, index) => {
    if (text(shapes) === expected) return;
    const [first, candidate] = [slot.candidates[0]!.id, slot.candidates[index]!.id];
    throw new AppError('SPACE_SHAPES_DIFFER', { slot: slot.id, first, expected, candidate, got: text(shapes) });
  });
  return outputs[0]!;
}

/** Latency of every candidate, [slot][candidate], in ms; `latencyOf` is asked for what runs, identities cost 0. */
export function priceSlots(space: SearchSpace, latencyOf: (workload: BlockWorkload) => number): number[][] {
  return slotWorkloads(space).map((row) =>
    row.map((workload) => (workload.body.kind === 'identity' ? 0 : latencyOf(workload))),
  );
}

/** Predicted latency of one network; `fixedMs` is what no slot accounts for. */
export function pathLatencyMs(path: readonly number[], latencyMs: readonly (readonly number[])[], fixedMs = 0): number {
  return path.reduce((sum, candidate, slot) => sum + latencyMs[slot]![candidate]!, fixedMs);
}

/** The network of least predicted latency. */
export function fastestPath(latencyMs: readonly (readonly number[])[]): number[] {
  return latencyMs.map((row) => row.indexOf(Math.min(...row)));
}

/** The network of greatest predicted latency. */
export function slowestPath(latencyMs: readonly (readonly number[])[]): number[] {
  return latencyMs.map((row) => row.indexOf(Math.max(...row)));
}

/**
 * A budget given as a fraction: 0 is the latency of the fastest network, 1 that of the slowest, equal steps are equal
 * factors. (The slowest is often slow by one costly kernel, and half of it is no constraint on any sensible network.)
 */
export function budgetAt(fraction: number, latencyMs: readonly (readonly number[])[], fixedMs = 0): number {
  const fastestMs = pathLatencyMs(fastestPath(latencyMs), latencyMs, fixedMs);
  const slowestMs = pathLatencyMs(slowestPath(latencyMs), latencyMs, fixedMs);
  return fastestMs * (slowestMs / fastestMs) ** fraction;
}
