/** Whether a network is one for a data set. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Graph, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { formatShape } from '@bespoke/shared/graph/tensor.js';
import type { DatasetManifest } from './data/packed.js';

/** Throws `NETWORK_DATA_MISFIT` unless the graph takes the data set's images and has a logit for each of its classes. */
export function verifyFit(graph: Graph, { height, width, channels, classes }: DatasetManifest): void {
  compare('the input', formatShape(graph.inputs[0]!.shape), formatShape([height, width, channels]));
  const logits = tensorShapes(graph).get(graph.outputs[0]!)!;
  compare('the number of classes', String(logits.at(-1)!), String(classes.length));
}

function compare(what: string, network: string, data: string): void {
  if (network !== data) throw new AppError('NETWORK_DATA_MISFIT', { what, network, data });
}
