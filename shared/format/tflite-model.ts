/** TfliteModel: collects tensors, constants and operators of one TensorFlow Lite model and writes them as a flatbuffer. */
import { Builder, type Offset } from 'flatbuffers';
import { Buffer } from './generated/buffer.js';
import type { BuiltinOperator } from './generated/builtin-operator.js';
import type { BuiltinOptions } from './generated/builtin-options.js';
import { Model } from './generated/model.js';
import { Operator } from './generated/operator.js';
import { OperatorCode } from './generated/operator-code.js';
import { SubGraph } from './generated/sub-graph.js';
import { Tensor } from './generated/tensor.js';
import { TensorType } from './generated/tensor-type.js';

/** Index of a tensor in the model. */
export type TensorIndex = number;

export interface OperatorOptions {
  readonly type: BuiltinOptions;
  /** Writes the options' table. */
  write(builder: Builder): Offset;
}

interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly data: Float32Array | Int32Array | null;
}

interface OperatorEntry {
  readonly code: number;
  readonly inputs: readonly TensorIndex[];
  readonly outputs: readonly TensorIndex[];
  readonly options: OperatorOptions | undefined;
}

/** The schema's version, and the place of the empty buffer. */
const schemaVersion = 3;
const emptyBuffer = 0;
/** XNNPACK and the built-in kernels read constants in place, with vector instructions. */
const bufferAlignmentBytes = 16;

export class TfliteModel {
  private readonly tensors: TensorEntry[] = [];
  private readonly operators: OperatorEntry[] = [];
  private readonly codes: { readonly operator: BuiltinOperator; readonly version: number }[] = [];

  /** A float32 tensor that is an input or the output of an operator. `shape` holds the batch axis. */
  tensor(name: string, shape: readonly number[]): TensorIndex {
    return this.tensors.push({ name, shape, type: TensorType.FLOAT32, data: null }) - 1;
  }

  constant(name: string, shape: readonly number[], data: Float32Array | Int32Array): TensorIndex {
    const type = data instanceof Float32Array ? TensorType.FLOAT32 : TensorType.INT32;
    return this.tensors.push({ name, shape, type, data }) - 1;
  }

  /** `version` is the operator's, as TensorFlow's converter would give it. */
  operator(
    operator: BuiltinOperator,
    inputs: readonly TensorIndex[],
    output: TensorIndex,
    options?: OperatorOptions,
    version = 1,
  ): void {
    let code = this.codes.findIndex((known) => known.operator === operator && known.version === version);
    if (code < 0) code = this.codes.push({ operator, version }) - 1;
    this.operators.push({ code, inputs, outputs: [output], options });
  }

  /** The file. */
  write(inputs: readonly TensorIndex[], outputs: readonly TensorIndex[], description: string): Uint8Array {
    const byteCount = this.tensors.reduce((sum, { data }) => sum + (data?.byteLength ?? 0), 0);
    const builder = new Builder(byteCount + 512 * (this.tensors.length + this.operators.length) + 4096);
    const buffers = this.writeBuffers(builder);
    const codes = Model.createOperatorCodesVector(
      builder,
      this.codes.map(({ operator, version }) => {
        // The old one-byte field holds 127 where the code needs the new one.
        return OperatorCode.createOperatorCode(builder, Math.min(operator, 127), 0, version, operator);
      }),
    );
    const graphs = Model.createSubgraphsVector(builder, [this.writeGraph(builder, inputs, outputs)]);
    const text = builder.createString(description);
    Model.startModel(builder);
    Model.addVersion(builder, schemaVersion);
    Model.addOperatorCodes(builder, codes);
    Model.addSubgraphs(builder, graphs);
    Model.addDescription(builder, text);
    Model.addBuffers(builder, buffers);
    Model.finishModelBuffer(builder, Model.endModel(builder));
    return builder.asUint8Array().slice();
  }

  /** Buffer 0 is empty by convention; constants follow in tensor order. */
  private writeBuffers(builder: Builder): Offset {
    const offsets = [Buffer.createBuffer(builder, 0)];
    for (const { data } of this.tensors) {
      if (!data) continue;
      builder.prep(bufferAlignmentBytes, data.byteLength);
      const bytes = builder.createByteVector(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      offsets.push(Buffer.createBuffer(builder, bytes));
    }
    return Model.createBuffersVector(builder, offsets);
  }

  private writeGraph(builder: Builder, inputs: readonly TensorIndex[], outputs: readonly TensorIndex[]): Offset {
    let constantCount = 0;
    const tensors = this.tensors.map(({ name, shape, type, data }) => {
      const shapeOffset = Tensor.createShapeVector(builder, [...shape]);
      const nameOffset = builder.createString(name);
      return Tensor.createTensor(builder, shapeOffset, type, data ? ++constantCount : emptyBuffer, nameOffset);
    });
    const operators = this.operators.map((entry) => writeOperator(builder, entry));
    return SubGraph.createSubGraph(
      builder,
      SubGraph.createTensorsVector(builder, tensors),
      SubGraph.createInputsVector(builder, [...inputs]),
      SubGraph.createOutputsVector(builder, [...outputs]),
      SubGraph.createOperatorsVector(builder, operators),
      builder.createString('main'),
    );
  }
}

function writeOperator(builder: Builder, { code, inputs, outputs, options }: OperatorEntry): Offset {
  const inputsOffset = Operator.createInputsVector(builder, [...inputs]);
  const outputsOffset = Operator.createOutputsVector(builder, [...outputs]);
  const optionsOffset = options?.write(builder) ?? 0;
  Operator.startOperator(builder);
  Operator.addOpcodeIndex(builder, code);
  Operator.addInputs(builder, inputsOffset);
  Operator.addOutputs(builder, outputsOffset);
  if (options) {
    Operator.addBuiltinOptionsType(builder, options.type);
    Operator.addBuiltinOptions(builder, optionsOffset);
  }
  return Operator.endOperator(builder);
}
