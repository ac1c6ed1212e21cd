/** Candidates: each block of each slot of a search space lowered alone, on the shapes that its slot receives. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Graph, GraphBuilder, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { equalShapes, formatShape, type Shape } from '@bespoke/shared/graph/tensor.js';
import { declareWeights, type WeightDeclaration } from '@bespoke/shared/graph/weights.js';
import { type Block, lowerBlock } from '@bespoke/shared/network/block.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor } from '@bespoke/shared/tfjs/tf.js';
import type { SearchSpace } from '../../search/space.js';
import {
  type DeclaredWeight,
  type SharedWeights,
  shareWeights,
  type WeightWindow,
  wholeWindow,
} from './shared-weights.js';
import type { StepContext } from './step.js';

export interface Candidate {
  readonly id: string;
  readonly graph: Graph;
  /** Its trainable weights by their names in the graph: where each lies. */
  readonly windows: ReadonlyMap<string, WeightWindow>;
}

export interface LoweredSpace {
  /** [slot][candidate] */
  readonly slots: readonly (readonly Candidate[])[];
  /** What the windows look into, by name. */
  readonly variables: ReadonlyMap<string, WeightDeclaration>;
}

/** Lowers every candidate; those of one kind in a slot share their weights if `share`. Throws `GRAPH_ILLEGAL` where a candidate does not fit its slot or hands on other shapes than its slot's first. */
export function lowerSpace(space: SearchSpace, share: boolean): LoweredSpace {
  const { height, width, channels } = space.input;
  const variables = new Map<string, WeightDeclaration>();
  let shapes: readonly Shape[] = [[height, width, channels]];
  const slots = space.slots.map(({ id, candidates }) => {
    const graphs = candidates.map((block) => lowerCandidate(block, shapes));
    const windows = new Map<string, WeightWindow>();
    for (const kind of new Set(candidates.map((block) => block.kind))) {
      const weights = graphs.filter((_, index) => candidates[index]!.kind === kind).flatMap(trainableWeights);
      const laid = share ? shareWeights(`${id}.${kind}`, weights) : keepApart(weights);
      for (const [name, declaration] of laid.variables) variables.set(name, declaration);
      for (const [name, window] of laid.windows) windows.set(name, window);
    }
    const outputs = graphs.map(outputShapes);
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
    return graphs.map((graph, index): Candidate => {
      const own = trainableWeights(graph).map(({ name }): [string, WeightWindow] => [name, windows.get(name)!]);
      return { id: candidates[index]!.id, graph, windows: new Map(own) };
    });
  });
  return { slots, variables };
}

/** Batch norm's moving statistics are not among them: a supernet normalizes by batch statistics (ProxylessNAS §1.6, validation). */
function trainableWeights(graph: Graph): DeclaredWeight[] {
  return [...declareWeights(graph)]
    .filter(([, { trainable }]) => trainable)
    .map(([name, declaration]) => ({ name, declaration }));
}

function keepApart(weights: readonly DeclaredWeight[]): SharedWeights {
  return {
    variables: new Map(weights.map(({ name, declaration }) => [name, declaration])),
    windows: new Map(weights.map(({ name, declaration }) => [name, wholeWindow(name, declaration.shape)])),
  };
}

function lowerCandidate(block: Block, inputShapes: readonly Shape[]): Graph {
  const builder = new GraphBuilder();
  const inputs = inputShapes.map((shape, index) => builder.input(`input${index}`, shape));
  return builder.build(lowerBlock(builder, block.id, block, inputs));
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
  { graph, windows }: Candidate,
  inputs: readonly Tensor[],
): readonly Tensor[] {
  const named = new Map(graph.inputs.map(({ id }, index) => [id, inputs[index]!]));
  const weights = new Map<string, Tensor>();
  for (const [name, { variable, begin, size }] of windows) {
    const value = variables.values.get(variable)!;
    weights.set(name, equalShapes(value.shape, size) ? value : tf.slice(value, [...begin], [...size]));
  }
  return execute(tf, graph, named, weights, { training: true });
}

/** The variables that a path reads, each once. */
export function variablesOf(path: readonly Candidate[]): string[] {
  return [...new Set(path.flatMap(({ windows }) => [...windows.values()].map(({ variable }) => variable)))];
}
