/** OnnxModel: collects the nodes and constants of one ONNX model and writes them as protobuf; field numbers are those of onnx.proto3. */
import { ProtobufWriter } from './protobuf.js';

/** A tensor's name; ONNX knows tensors by nothing else. */
export type TensorName = string;

/** Whole numbers and lists of them become `i` and `ints`; a number that must be a float is wrapped. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number };

interface TensorInfo {
  readonly name: TensorName;
  /** With the batch axis. */
  readonly shape: readonly number[];
}

/** The oldest pair that knows HardSwish, so that old runtimes load the file, too. */
const irVersion = 7;
const opsetVersion = 14;

const elementTypes = { float32: 1, int64: 7 } as const;
/** AttributeProto.type */
const attributeTypes = { float: 1, integer: 2, integers: 7 } as const;

export class OnnxModel {
  private readonly graph = new ProtobufWriter();

  /** A float32 constant. `values` must stay as they are until the model is written. */
  constant(name: TensorName, shape: readonly number[], values: Float32Array): TensorName {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.initializer(name, shape, elementTypes.float32, bytes);
  }

  /** A list of int64: sizes, axes, paddings. */
  integers(name: TensorName, values: readonly number[]): TensorName {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.initializer(name, [values.length], elementTypes.int64, bytes);
  }

  /** One operator with one output; an input of '' is an optional one left out. */
  node(
    operator: string,
    inputs: readonly TensorName[],
    output: TensorName,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): TensorName {
    this.graph.message(1, (node) => {
      for (const input of inputs) node.string(1, input);
      node.string(2, output);
      node.string(3, output); // the node is named as what it makes
      node.string(4, operator);
      for (const [name, value] of Object.entries(attributes)) node.message(5, (to) => writeAttribute(to, name, value));
    });
    return output;
  }

  /** The file. */
  write(inputs: readonly TensorInfo[], outputs: readonly TensorInfo[], description: string): Uint8Array {
    this.graph.string(2, 'main');
    for (const input of inputs) this.graph.message(11, (to) => writeInfo(to, input));
    for (const output of outputs) this.graph.message(12, (to) => writeInfo(to, output));
    const model = new ProtobufWriter();
    model.integer(1, irVersion);
    model.string(2, 'bespoke');
    model.string(6, description);
    model.embed(7, this.graph);
    model.message(8, (opset) => {
      opset.string(1, ''); // the domain of ONNX's own operators
      opset.integer(2, opsetVersion);
    });
    return model.finish();
  }

  private initializer(name: TensorName, shape: readonly number[], type: number, bytes: Uint8Array): TensorName {
    this.graph.message(5, (tensor) => {
      for (const size of shape) tensor.integer(1, size);
      tensor.integer(2, type);
      tensor.string(8, name);
      tensor.bytes(9, bytes); // little-endian, as typed arrays are wherever Node runs
    });
    return name;
  }
}

function writeAttribute(to: ProtobufWriter, name: string, value: OnnxAttribute): void {
  to.string(1, name);
  if (typeof value === 'number') {
    to.integer(3, value);
    to.integer(20, attributeTypes.integer);
  } else if ('float' in value) {
    to.float(2, value.float);
    to.integer(20, attributeTypes.float);
  } else {
    for (const item of value) to.integer(8, item);
    to.integer(20, attributeTypes.integers);
  }
}

/** ValueInfoProto: a float32 tensor. */
function writeInfo(to: ProtobufWriter, { name, shape }: TensorInfo): void {
  to.string(1, name);
  to.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, elementTypes.float32);
      tensor.message(2, (dimensions) => {
        for (const size of shape) dimensions.message(1, (dimension) => dimension.integer(1, size));
      });
    }),
  );
}
