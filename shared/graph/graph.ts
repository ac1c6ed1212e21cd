/**
 * Graph: what machines run. Primitive ops in topological order; each tensor is named by the node that makes it.
 *
 * A node's id is `<blockId>/<name>`, so every node remembers its block (`blockOf`) and its weights are named
 * `<blockId>/<name>/<weight>` everywhere. Shapes are computed once, when GraphBuilder adds the node.
 */
import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { activationKinds, type OpAttributes, type OpKind } from './op.js';
import { outputShape } from './shape.js';
import type { Shape } from './tensor.js';
import { verifyGraph } from './verify.js';

/** Names a tensor: a Graph input's id, or the id of the node that makes it. */
export type TensorId = string;

export type Node<K extends OpKind = OpKind> = {
  [P in K]: {
    readonly id: TensorId;
    readonly op: P;
    readonly attributes: Readonly<OpAttributes[P]>;
    readonly inputs: readonly TensorId[];
    /** Shape of the output, for one sample. */
    readonly shape: Shape;
  };
}[K];

export interface GraphInput {
  readonly id: TensorId;
  readonly shape: Shape;
}

export interface Graph {
  readonly version: 1;
  readonly inputs: readonly GraphInput[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly TensorId[];
}

/** The block that a node was lowered from: its id up to the last slash. */
export function blockOf(nodeId: TensorId): string {
  return nodeId.slice(0, Math.max(nodeId.lastIndexOf('/'), 0));
}

/** The shape of every tensor of the graph, by id. */
export function tensorShapes(graph: Graph): ReadonlyMap<TensorId, Shape> {
  return new Map([...graph.inputs, ...graph.nodes].map((tensor) => [tensor.id, tensor.shape]));
}

/** Builds a legal Graph node by node. */
export class GraphBuilder {
  private readonly inputs: GraphInput[] = [];
  private readonly nodes: Node[] = [];
  private readonly shapes = new Map<TensorId, Shape>();

  /** Declares a Graph input of `shape` (one sample: [H, W, C] or [C]). */
  input(id: TensorId, shape: Shape): TensorId {
    this.inputs.push({ id, shape });
    return this.define(id, shape);
  }

  /** Adds the node `<block>/<name>` and returns its tensor. Throws `GRAPH_ILLEGAL`. */
  add<K extends OpKind>(
    block: string,
    name: string,
    op: K,
    attributes: OpAttributes[K],
    ...inputs: TensorId[]
  ): TensorId {
    return this.addNode(`${block}/${name}`, op, attributes, inputs);
  }

  /** As `add`, by the full id. */
  addNode<K extends OpKind>(id: TensorId, op: K, attributes: OpAttributes[K], inputs: readonly TensorId[]): TensorId {
    const shape = outputShape(
      id,
      op,
      attributes,
      inputs.map((input) => this.shape(input, id)),
    );
    this.nodes.push({ id, op, attributes, inputs, shape } as unknown as Node);
    return this.define(id, shape);
  }

  shape(id: TensorId, where = id): Shape {
    const shape = this.shapes.get(id);
    if (!shape)
      throw new AppError('GRAPH_ILLEGAL', { where, expected: 'an input that is defined before it', got: `"${id}"` });
    return shape;
  }

  /** Throws `GRAPH_ILLEGAL`. */
  build(outputs: readonly TensorId[]): Graph {
    const graph: Graph = { version: 1, inputs: this.inputs, nodes: this.nodes, outputs };
    verifyGraph(graph);
    return graph;
  }

  private define(id: TensorId, shape: Shape): TensorId {
    if (this.shapes.has(id))
      throw new AppError('GRAPH_ILLEGAL', { where: id, expected: 'a name used once', got: 'a second use' });
    this.shapes.set(id, shape);
    return id;
  }
}

const size = z.number().int().min(1).max(65536);
const pair = z.tuple([size, size]);
const fused = z.enum(['none', 'relu', 'relu6']);
const none = z.strictObject({});

/** One row per op: what its attributes look like in JSON. */
export const attributeSchemas: { readonly [K in OpKind]: z.ZodType<OpAttributes[K]> } = {
  conv2d: z.strictObject({ filters: size, kernel: pair, stride: pair, dilation: size, bias: z.boolean(), fused }),
  depthwiseConv2d: z.strictObject({ kernel: pair, stride: pair, dilation: size, bias: z.boolean(), fused }),
  dense: z.strictObject({ units: size, bias: z.boolean(), fused }),
  batchNorm: z.strictObject({ epsilon: z.number().positive().max(1) }),
  activation: z.strictObject({ kind: z.enum(activationKinds) }),
  add: z.strictObject({ fused }),
  scaleChannels: none,
  concat: none,
  maxPool: z.strictObject({ kernel: pair, stride: pair }),
  avgPool: z.strictObject({ kernel: pair, stride: pair }),
  globalAvgPool: none,
  slice: z.strictObject({ begin: z.array(z.number().int().min(0)).length(3), size: z.array(size).length(3) }),
  padChannels: z.strictObject({ after: size }),
  shuffleChannels: z.strictObject({ groups: size }),
};

const tensorId = z.string().min(1).max(200);
const nodeSchema = z.discriminatedUnion(
  'op',
  (Object.keys(attributeSchemas) as OpKind[]).map((op) =>
    z.strictObject({
      id: tensorId,
      op: z.literal(op),
      attributes: attributeSchemas[op],
      inputs: z.array(tensorId).min(1).max(64),
      shape: z.array(size).min(1).max(3),
    }),
  ) as never,
);
const graphSchema = z.strictObject({
  version: z.literal(1),
  inputs: z
    .array(z.strictObject({ id: tensorId, shape: z.array(size).min(1).max(3) }))
    .min(1)
    .max(8),
  nodes: z.array(nodeSchema).max(20_000),
  outputs: z.array(tensorId).min(1).max(8),
});

/** Reads a Graph from untrusted JSON. Throws `JSON_INVALID` with the path of the bad field, or `GRAPH_ILLEGAL`. */
export function parseGraph(json: unknown): Graph {
  const result = graphSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new AppError('JSON_INVALID', { what: 'a graph', path: formatPath(issue.path), problem: issue.message });
  }
  const graph = result.data as unknown as Graph;
  verifyGraph(graph);
  return graph;
}

/** `$.nodes[3].attributes.kernel` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`), '$');
}
