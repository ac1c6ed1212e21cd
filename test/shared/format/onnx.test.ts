import { writeEmptyOnnx, writeOnnx } from '@bespoke/shared/format/onnx.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';

const block = { kind: 'conv', outChannels: 5, kernelSize: 3, stride: 2, activation: 'relu6' } as const;
const training = lowerSingle('block', block, [[8, 6, 3]]);
const folded = fold(training, initializeWeights(training, 1));
const write = (batch: number) => writeOnnx(folded.graph, folded.weights, { batch, description: 'Größe ✓' });
const interfaceOf = ({ inputMetadata, outputMetadata }: InferenceSession) =>
  [...inputMetadata, ...outputMetadata].map((value) => `${value.name} [${value.isTensor && value.shape}]`);

describe('writeOnnx', () => {
  it('names inputs and outputs as the Graph does, channels first, with the batch', async () => {
    expect(interfaceOf(await InferenceSession.create(write(4)))).toEqual([
      'input0 [4,3,8,6]',
      `${folded.graph.outputs[0]} [4,5,4,3]`,
    ]);
  });

  it('copies an input that is an output, which ONNX does not allow', async () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [2, 1, 3]);
    const graph = builder.build([x]);
    const session = await InferenceSession.create(writeOnnx(graph, new Map(), { batch: 1, description: '' }));
    expect(interfaceOf(session)).toEqual(['x [1,3,2,1]', 'x/copy [1,3,2,1]']);
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect((await session.run({ x: new Tensor(values, [1, 3, 2, 1]) }))['x/copy']!.data).toEqual(values);
  });

  it('is a function of its arguments', () => {
    expect(write(1)).toEqual(write(1));
  });

  it('refuses a training graph and weights that do not fit', () => {
    const options = { batch: 1, description: '' };
    expect(() => writeOnnx(training, initializeWeights(training, 1), options)).toThrowError(
      expect.objectContaining({ code: 'GRAPH_ILLEGAL' }),
    );
    expect(() => writeOnnx(folded.graph, new Map(), options)).toThrowError(
      expect.objectContaining({ code: 'WEIGHTS_MISMATCH' }),
    );
  });
});

describe('writeEmptyOnnx', () => {
  it('holds inputs and outputs that are zeros', async () => {
    const session = await InferenceSession.create(writeEmptyOnnx([[2, 3]], [[2]]));
    expect(interfaceOf(session)).toEqual(['input0 [2,3]', 'output0 [2]']);
    const { output0 } = await session.run({ input0: new Tensor(new Float32Array(6), [2, 3]) });
    expect([...(output0!.data as Float32Array)]).toEqual([0, 0]);
  });
});
