/** Export: a trained network becomes the file that the user downloads; one row per target. The agent measures these very bytes. */
import { createHash } from 'node:crypto';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold, type WeightedGraph } from '@bespoke/shared/graph/fold.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';

interface Target {
  readonly extension: string;
  /** Writes an inference Graph for one image at a time. */
  write(model: WeightedGraph, description: string): Uint8Array;
}

export type ExportTarget = 'tflite';

const targets: { readonly [T in ExportTarget]: Target } = {
  tflite: {
    extension: '.tflite',
    write: ({ graph, weights }, description) => writeTflite(graph, weights, { batch: 1, description }),
  },
};

export interface ExportedModel {
  readonly target: ExportTarget;
  readonly extension: string;
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly sha256: string;
}

/** Folds a training Graph and writes it for `target`; `description` stands in the file. Throws `WEIGHTS_MISMATCH`. */
export function exportModel(target: ExportTarget, graph: Graph, weights: Weights, description: string): ExportedModel {
  const { extension, write } = targets[target];
  const bytes = write(fold(graph, weights), description);
  return { target, extension, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
