import { fold } from '@bespoke/shared/graph/fold.js';
import { lowerWorkload } from '@bespoke/shared/latency/size.js';
import type { GraphWorkload } from '@bespoke/shared/latency/workload.js';
import type { GraphModel } from './runtime/runtime.js';
import { scaledWeights } from './scaled-weights.js';

/** What a runtime loads for a workload, by the exporter's own passes. Throws `WORKLOAD_TOO_LARGE`, `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`. */
export function graphModelOf(workload: GraphWorkload): GraphModel {
  const graph = lowerWorkload(workload);
  return { kind: 'graph', ...fold(graph, scaledWeights(graph)), batch: workload.batch };
}
