/** A tfjs backend as a runtime: runs Graphs op by op. A run uploads the inputs, executes, and downloads the outputs, where somebody reads them. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { elementCount, type Shape } from '@bespoke/shared/graph/tensor.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { NodeParts } from '@bespoke/shared/tfjs/open.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { graphOf, type Model, type Runtime, type Session } from './runtime.js';

/** How the agent's own packages are loaded. */
export const node: NodeParts = { require: createRequire(import.meta.url), util, env: process.env };

/** How a backend moves data. */
export interface Transfer {
  /** Brings x to where the backend computes, which most do not before a kernel reads it. */
  upload(x: Tensor): void;
  /**
   * How outputs come back: `sync` where the backend computes on the caller's thread, `async` where it computes elsewhere. `none`: not at all, where nobody reads them and all is computed when the call returns;
   * then inputs are uploaded with the first run only.
   */
  readonly download: 'sync' | 'async' | 'none';
  /** Whether a tensor that was downloaded once is not downloaded again. */
  readonly downloadsOnce: boolean;
}

interface Program {
  /** Batch included. */
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
  /** New tensors. */
  readonly compute: (inputs: readonly Tensor[]) => Tensor[];
  /** What lives as long as the session. */
  readonly kept: readonly Tensor[];
}

/** A runtime on the current backend of `tf`. */
export function tfjsRuntime(key: RuntimeKey, tf: Tf, transfer: Transfer): Runtime {
  const { download } = transfer;
  return {
    key,
    layout: 'NHWC',
    load: async (model) => sessionOf(tf, programOf(tf, graphOf(model, key)), download),
    loadEmpty: async (inputShapes, outputShapes) =>
      sessionOf(tf, emptyProgram(tf, inputShapes, outputShapes, transfer), download),
  };
}

function programOf(tf: Tf, { graph, weights, batch }: Extract<Model, { kind: 'graph' }>): Program {
  const constants = new Map(
    [...weights].map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])] as const),
  );
  const shapes = new Map([...graph.inputs, ...graph.nodes].map(({ id, shape }) => [id, [batch, ...shape]]));
  const compute = (tensors: readonly Tensor[]) => {
    const inputs = new Map(graph.inputs.map(({ id }, index) => [id, tensors[index]!]));
    return execute(tf, graph, inputs, constants, { training: false });
  };
  return {
    inputShapes: graph.inputs.map(({ id }) => shapes.get(id)!),
    outputShapes: graph.outputs.map((id) => shapes.get(id)!),
    compute,
    kept: [...constants.values()],
  };
}

/** Moves what data a run moves and computes nothing, but that a backend which downloads a tensor only once must fill the outputs each time. */
function emptyProgram(
  tf: Tf,
  inputShapes: readonly Shape[],
  outputShapes: readonly Shape[],
  { upload, download, downloadsOnce }: Transfer,
): Program {
  const fill = () => (download === 'none' ? [] : outputShapes.map((shape) => tf.fill([...shape], 0)));
  const kept = fill();
  const compute = (inputs: readonly Tensor[]) => {
    for (const input of inputs) upload(input);
    return downloadsOnce ? fill() : kept.map((output) => tf.clone(output));
  };
  return { inputShapes, outputShapes, compute, kept };
}

function zeros(shapes: readonly Shape[]): Float32Array[] {
  return shapes.map((shape) => new Float32Array(elementCount(shape)));
}

type Download = Transfer['download'];

function sessionOf(tf: Tf, { inputShapes, outputShapes, compute, kept }: Program, download: Download): Session {
  const inputs = zeros(inputShapes);
  const outputs = zeros(outputShapes);
  let held: Tensor[] = [];
  const upload = () => inputs.map((values, index) => tf.tensor(values, [...inputShapes[index]!]));
  const start = () => {
    const tensors = upload();
    const results = compute(tensors);
    tf.dispose(tensors);
    return results;
  };
  const finish = (results: Tensor[], values: readonly unknown[]) => {
    for (const [index, array] of values.entries()) outputs[index] = array as Float32Array;
    tf.dispose(results);
  };
  const runs: { readonly [D in Download]: (count: number) => void | Promise<void> } = {
    sync(count) {
      for (let i = 0; i < count; i++) {
        const results = start();
        finish(
          results,
          results.map((result) => result.dataSync()),
        );
      }
    },
    async async(count) {
      for (let i = 0; i < count; i++) {
        const results = start();
        finish(results, await Promise.all(results.map((result) => result.data())));
      }
    },
    none(count) {
      if (held.length === 0) held = upload();
      for (let i = 0; i < count; i++) tf.dispose(compute(held));
    },
  };
  return { inputs, outputs, run: runs[download], close: () => tf.dispose([...kept, ...held]) };
}
