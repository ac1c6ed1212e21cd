import { Model } from '@bespoke/shared/format/generated/model.js';
import { writeEmptyTflite, writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { ByteBuffer } from 'flatbuffers';
import { describe, expect, it } from 'vitest';

const block = { kind: 'conv', outChannels: 5, kernelSize: 3, stride: 2, activation: 'relu6' } as const;
const training = lowerSingle('block', block, [[8, 8, 3]]);
const folded = fold(training, initializeWeights(training, 1));
const write = (batch: number) => writeTflite(folded.graph, folded.weights, { batch, description: 'Größe ✓' });
const open = (bytes: Uint8Array) => Model.getRootAsModel(new ByteBuffer(bytes));

describe('writeTflite', () => {
  it('carries the identifier, the schema version and the description', () => {
    const bytes = write(1);
    expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('TFL3');
    expect(open(bytes).version()).toBe(3);
    expect(open(bytes).description()).toBe('Größe ✓');
  });

  it('writes one operator per folded node, its constants and shapes with the batch', () => {
    const model = open(write(4));
    const graph = model.subgraphs(0)!;
    const tensor = (index: number) => {
      const { name, shape } = { name: graph.tensors(index)!.name(), shape: graph.tensors(index)!.shapeArray()! };
      return `${name} [${[...shape]}]`;
    };
    expect(graph.operatorsLength()).toBe(1);
    const operator = graph.operators(0)!;
    expect([...operator.inputsArray()!].map(tensor)).toEqual([
      'input0 [4,8,8,3]',
      'block/conv/filter [5,3,3,3]',
      'block/conv/bias [5]',
    ]);
    expect([...operator.outputsArray()!].map(tensor)).toEqual(['block/conv [4,4,4,5]']);
    expect([...graph.inputsArray()!].map(tensor)).toEqual(['input0 [4,8,8,3]']);
    expect([...graph.outputsArray()!].map(tensor)).toEqual(['block/conv [4,4,4,5]']);
  });

  it('aligns every constant to 16 bytes and leaves buffer 0 empty', () => {
    const bytes = write(1);
    const model = open(bytes);
    expect(model.buffers(0)!.dataLength()).toBe(0);
    expect(model.buffersLength()).toBe(3);
    for (let index = 1; index < 3; index++) {
      expect((model.buffers(index)!.dataArray()!.byteOffset - bytes.byteOffset) % 16).toBe(0);
    }
  });

  it('is a function of its arguments', () => {
    expect(write(1)).toEqual(write(1));
  });

  it('refuses a training graph and weights that do not fit', () => {
    const options = { batch: 1, description: '' };
    expect(() => writeTflite(training, initializeWeights(training, 1), options)).toThrowError(
      expect.objectContaining({ code: 'GRAPH_ILLEGAL' }),
    );
    expect(() => writeTflite(folded.graph, new Map(), options)).toThrowError(
      expect.objectContaining({ code: 'WEIGHTS_MISMATCH' }),
    );
  });
});

describe('writeEmptyTflite', () => {
  it('holds inputs and constant outputs and no operator', () => {
    const graph = open(writeEmptyTflite([[2, 3]], [[7]], 4)).subgraphs(0)!;
    expect(graph.operatorsLength()).toBe(0);
    expect([...graph.tensors(graph.inputs(0)!)!.shapeArray()!]).toEqual([4, 2, 3]);
    expect([...graph.tensors(graph.outputs(0)!)!.shapeArray()!]).toEqual([4, 7]);
  });
});
