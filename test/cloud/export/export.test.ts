import { createHash } from 'node:crypto';
import { exportModel } from '@bespoke/cloud/export/export.js';
import { compareOutputs, isWithinBounds } from '@bespoke/cloud/export/parity.js';
import { openTfliteRunner } from '@bespoke/cloud/export/tflite-runner.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { parseNetwork } from '@bespoke/shared/network/network.js';
import { describe, expect, it } from 'vitest';
import { caseWeights } from '../../conformance/cases.js';
import { referenceForward } from '../../conformance/reference.js';

const network = parseNetwork({
  version: 1,
  name: 'small',
  input: { height: 8, width: 8, channels: 3 },
  blocks: [
    { kind: 'conv', id: 'stem', outChannels: 8, kernelSize: 3, stride: 1, activation: 'hardSwish' },
    {
      kind: 'mbconv',
      id: 'a',
      outChannels: 8,
      kernelSize: 5,
      stride: 1,
      expandRatio: 3,
      activation: 'relu6',
      squeezeExcite: true,
    },
    { kind: 'head', id: 'head', classes: 4 },
  ],
});
const graph = lower(network);
const weights = caseWeights({ name: 'export', graph, batchSize: 1, training: false });
const count = 20;
const stream = randomStream('export', 'inputs');
const inputs = Float32Array.from({ length: count * 8 * 8 * 3 }, () => stream.normal());
const logits = Float32Array.from(referenceForward(graph, count, new Map([['input', inputs]]), weights, false)[0]!.data);

describe('exportModel', () => {
  it("writes a file that gives the network's outputs", async () => {
    const { bytes, sha256, extension } = exportModel('tflite', graph, weights, 'test');
    expect(extension).toBe('.tflite');
    expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const parity = compareOutputs(await openTfliteRunner(bytes), inputs, logits, 4);
    expect(parity).toMatchObject({ count: 20, agreement: 1 });
    expect(parity.largestDifference).toBeLessThan(1e-5);
    expect(isWithinBounds(parity)).toBe(true);
  });

  it('differs visibly with other weights', async () => {
    const other = caseWeights({ name: 'other', graph, batchSize: 1, training: false });
    const { bytes } = exportModel('tflite', graph, other, 'test');
    expect(isWithinBounds(compareOutputs(await openTfliteRunner(bytes), inputs, logits, 4))).toBe(false);
  });
});

describe('compareOutputs', () => {
  it('gives the share of equal classes and the largest difference beside the range of the logits', () => {
    const expected = Float32Array.of(0, 10, 10, 0);
    const answers = [Float32Array.of(0, 9), Float32Array.of(0, 1)];
    const run = (input: Float32Array) => answers[input[0]!]!;
    expect(compareOutputs(run, Float32Array.of(0, 1), expected, 2)).toEqual({
      count: 2,
      agreement: 0.5,
      largestDifference: 1,
    });
  });

  it('does not take a NaN for agreement', () => {
    const parity = compareOutputs(() => Float32Array.of(Number.NaN, 1), Float32Array.of(0), Float32Array.of(0, 1), 2);
    expect(isWithinBounds(parity)).toBe(false);
  });

  it('refuses a file with another number of classes', () => {
    expect(() => compareOutputs(() => Float32Array.of(1), Float32Array.of(0), Float32Array.of(0, 1), 2)).toThrowError(
      expect.objectContaining({ code: 'EXPORT_SHAPE_DIFFERS', details: { expected: 2, got: 1 } }),
    );
  });
});

describe('openTfliteRunner', () => {
  it('refuses bytes that are no model', async () => {
    await expect(openTfliteRunner(new Uint8Array(64))).rejects.toMatchObject({ code: 'RUNTIME_REFUSED' });
  });
});
