/** Candidates: each block of each slot of a search space lowered alone, on the shapes that its slot receives. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Graph, GraphBuilder, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { formatShape, type Shape } from '@bespoke/shared/graph/tensor.js';
import { declareWeights } from '@bespoke/shared/graph/weights.js';
import { type Block, lowerBlock } from '@bespoke/shared/network/block.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor } from '@bespoke/shared/tfjs/tf.js';
import type { SearchSpace } from '../../search/space.js';
import type { StepContext } from './step.js';

export interface Candidate {
  readonly id: string;
  readonly graph: Graph;
  /** Full names of its trainable weights. */
  readonly trainable: readonly string[];
}

/** Candidates by slot. Throws `GRAPH_ILLEGAL` where a candidate does not fit its slot or hands on other shapes than its slot's first. */
export function lowerCandidates(space: SearchSpace): Candidate[][] {
  const { height, width, channels } = space.input;
  let shapes: readonly Shape[] = [[height, width, channels]];
  return space.slots.map(({ candidates }) => {
    const lowered = candidates.map((block) => lowerCandidate(block, shapes));
    const outputs = lowered.map(({ graph }) => outputShapes(graph));
    const expected = formatShapes(outputs[0]!);
    outputs.forEach((got, index) => {
      if (formatShapes(got) !== expected) {
        throw new AppError('GRAPH_ILLEGAL', {
          where: candidates[index]!.id,
          expected: `outputs ${expected} as ${candidates[0]!.id}`,
          got: formatShapes(got),
        });
      }
    });
    shapes = outputs[0]!;
    return lowered;
  });
}

function lowerCandidate(block: Block, inputShapes: readonly Shape[]): Candidate {
  const builder = new GraphBuilder();
  const inputs = inputShapes.map((shape, index) => builder.input(`input${index}`, shape));
  const graph = builder.build(lowerBlock(builder, block.id, block, inputs));
  const trainable = [...declareWeights(graph)].filter(([, declaration]) => declaration.trainable).map(([name]) => name);
  return { id: block.id, graph, trainable };
}

function outputShapes(graph: Graph): Shape[] {
  const shapes = tensorShapes(graph);
  return graph.outputs.map((id) => shapes.get(id)!);
}

function formatShapes(shapes: readonly Shape[]): string {
  return shapes.map(formatShape).join(', ');
}

/** A candidate's outputs on its slot's inputs, batch norm by batch statistics. */
export function runCandidate(
  { tf, variables }: StepContext,
  { graph }: Candidate,
  inputs: readonly Tensor[],
): readonly Tensor[] {
  const named = new Map(graph.inputs.map(({ id }, index) => [id, inputs[index]!]));
  return execute(tf, graph, named, variables.values, { training: true });
}
