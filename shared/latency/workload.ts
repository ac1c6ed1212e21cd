/**
 * Workload: the unit of latency. A block, a chain of blocks or a whole network with its input shapes, dtype and batch, in
 * inference form, keyed by the hash of its canonical JSON; both ends compute the key by this one function.
 * The last kind is an exported model file, named by its hash: the bytes measured are the bytes that the user downloads.
 */
import { z } from 'zod';
import { hashJson } from '../base/json.js';
import { type Graph, GraphBuilder } from '../graph/graph.js';
import type { Shape } from '../graph/tensor.js';
import { type BlockBody, blockBodySchema, bodyOf } from '../network/block.js';
import { lowerCell } from '../network/cell.js';
import { lower, lowerChain, lowerSingle } from '../network/lower.js';
import { type Network, networkSchema } from '../network/network.js';

export interface BlockWorkload {
  readonly kind: 'block';
  readonly body: BlockBody;
  readonly inputShapes: readonly Shape[];
  readonly dtype: 'float32';
  readonly batch: number;
}

/** Blocks one after another, as one graph: what a runtime makes of their borders is in its time. */
export interface ChainWorkload {
  readonly kind: 'chain';
  /** 2 to `maxChainLength`; the first reads `inputShapes`, each of the others what the one before gives. */
  readonly bodies: readonly BlockBody[];
  readonly inputShapes: readonly Shape[];
  readonly dtype: 'float32';
  readonly batch: number;
}

export interface NetworkWorkload {
  readonly kind: 'network';
  readonly network: Network;
  readonly dtype: 'float32';
  readonly batch: number;
}

/** An exported model; the agent fetches the bytes from the cloud and checks the hash. */
export interface FileWorkload {
  readonly kind: 'file';
  readonly format: 'tflite';
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly sha256: string;
  readonly byteCount: number;
}

/** What is lowered where it is measured. */
export type GraphWorkload = BlockWorkload | ChainWorkload | NetworkWorkload;
export type Workload = GraphWorkload | FileWorkload;

/** Blocks of a chain, at most. */
export const maxChainLength = 16;

const size = z.number().int().min(1).max(4096);
const batch = z.number().int().min(1).max(1024);
const inputShapes = z.array(z.array(size).min(1).max(3)).min(1).max(2);

export const workloadSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('block'),
    body: blockBodySchema,
    inputShapes,
    dtype: z.literal('float32'),
    batch,
  }),
  z.strictObject({
    kind: z.literal('chain'),
    bodies: z.array(blockBodySchema).min(2).max(maxChainLength),
    inputShapes,
    dtype: z.literal('float32'),
    batch,
  }),
  z.strictObject({ kind: z.literal('network'), network: networkSchema, dtype: z.literal('float32'), batch }),
  z.strictObject({
    kind: z.literal('file'),
    format: z.literal('tflite'),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    byteCount: z
      .number()
      .int()
      .min(1)
      .max(256 * 2 ** 20),
  }),
]) as unknown as z.ZodType<Workload>;

/** The key of a workload: half of a latency's key; the other half says which device and runtime measured it. */
export function workloadKey(workload: Workload): string {
  // A network's name and its blocks' ids are names for people; they change no latency.
  if (workload.kind !== 'network') return hashJson(workload);
  const { input, blocks } = workload.network;
  return hashJson({ ...workload, network: { input, blocks: blocks.map(bodyOf) } });
}

const graphs: { readonly [K in GraphWorkload['kind']]: (workload: Extract<GraphWorkload, { kind: K }>) => Graph } = {
  block: ({ body, inputShapes }) => lowerSingle('block', body, inputShapes),
  chain: ({ bodies, inputShapes }) => lowerChain(bodies, inputShapes),
  network: ({ network }) => lower(network),
};

/** The training Graph of a workload. Throws `GRAPH_ILLEGAL` where blocks do not fit, `NETWORK_ILLEGAL` in a network. */
export function graphOf(workload: GraphWorkload): Graph {
  return graphs[workload.kind](workload as never);
}

/** The block workloads of a network, in block order. */
export function workloadsOf(network: Network): BlockWorkload[] {
  const workloads: BlockWorkload[] = [];
  lower(network, (block, inputShapes) => workloads.push(blockWorkload(bodyOf(block), inputShapes)));
  return workloads;
}

/**
 * The workloads whose latencies a network's own is predicted from: its blocks, but of a cell its parts, since every genotype
 * makes new cells; what runs nothing is left out.
 */
export function piecesOf(network: Network): BlockWorkload[] {
  return workloadsOf(network).flatMap(partsOf).filter(runs);
}

/** The parts of a cell, as its steps are written: preprocesses, then two ops and an add per step, concat; any other block is one part. */
export function partsOf(workload: BlockWorkload): BlockWorkload[] {
  const { body, inputShapes } = workload;
  if (body.kind !== 'cell') return [workload];
  const builder = new GraphBuilder();
  const inputs = inputShapes.map((shape, index) => builder.input(`input${index}`, shape));
  const parts: BlockWorkload[] = [];
  lowerCell(builder, 'cell', body, inputs, (part, shapes) => {
    // A concat's maps have one shape: one stands for all.
    parts.push(blockWorkload({ kind: 'cell-part', part }, part.kind === 'concat' ? shapes.slice(0, 1) : shapes));
  });
  return parts;
}

/** Whether anything of it runs: an identity, a concat of one map and the like are no nodes. */
export function runs(workload: GraphWorkload): boolean {
  return graphOf(workload).nodes.length > 0;
}

function blockWorkload(body: BlockBody, inputShapes: readonly Shape[]): BlockWorkload {
  return { kind: 'block', body, inputShapes, dtype: 'float32', batch: 1 };
}
