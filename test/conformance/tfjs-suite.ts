/** The conformance rows run by one tfjs backend: outputs and gradients against the reference. */
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { describe, expect, it } from 'vitest';
import { type ConformanceCase, caseInputs, caseWeights, conformanceCases } from './cases.js';
import { centralDifferences, type Numbers, referenceForward, type Values } from './reference.js';

/** Largest error allowed, as a share of the largest value of the tensor (or of 1, where that is more): float32 sums of some hundred terms. */
const forwardTolerance = 1e-5;
const gradientTolerance = 3e-5;

export function describeBackend(name: string, tf: Tf): void {
  describe(`execute on ${name}, forward`, () => {
    it.each(conformanceCases)('computes $name', (row) => {
      const tensorCount = tf.memory().numTensors;
      const tensors = tensorsOf(tf, row);
      const outputs = run(tf, row, tensors);
      for (const [index, expected] of referenceOf(row).entries()) {
        expectClose(toValues(outputs[index]!), expected, forwardTolerance);
      }
      tf.dispose([outputs, ...tensors.values()]);
      expect(tf.memory().numTensors - tensorCount).toBeLessThanOrEqual(1); // a kernel may keep one constant
    });
  });

  describe(`execute on ${name}, gradient`, () => {
    it.each(conformanceCases)('differentiates $name', (row) => {
      const got = gradientsOf(tf, row);
      for (const [id, expected] of referenceGradients(row)) expectClose(got.get(id)!, expected, gradientTolerance, id);
    });
  });
}

/** Every number that a case's outputs depend on, as tensors: inputs by id, weights by full name. */
function tensorsOf(tf: Tf, row: ConformanceCase): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const inputs = caseInputs(row);
  for (const { id, shape } of row.graph.inputs) tensors.set(id, tf.tensor(inputs.get(id)!, [row.batchSize, ...shape]));
  for (const [name, { shape, values }] of caseWeights(row)) tensors.set(name, tf.tensor(values, [...shape]));
  return tensors;
}

function run(tf: Tf, row: ConformanceCase, tensors: ReadonlyMap<string, Tensor>): Tensor[] {
  return execute(tf, row.graph, tensors, tensors, { training: row.training });
}

/** Derivatives of the outputs' sum, weighted by `cotangents`, by input id and weight name. */
function gradientsOf(tf: Tf, row: ConformanceCase): Map<string, Values> {
  const tensors = tensorsOf(tf, row);
  const names = differentiableNames(row);
  const weightedSum = (...values: Tensor[]) => {
    const current = new Map(tensors);
    names.forEach((name, index) => {
      current.set(name, values[index]!);
    });
    const terms = run(tf, row, current).map((output) =>
      tf.sum(tf.mul(output, tf.tensor(cotangents(output.size), output.shape))),
    );
    return tf.addN(terms);
  };
  const gradients = tf.grads(weightedSum)(names.map((name) => tensors.get(name)!));
  return new Map(names.map((name, index) => [name, toValues(gradients[index]!)]));
}

function referenceOf(row: ConformanceCase): Values[] {
  return referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), row.training);
}

function referenceGradients(row: ConformanceCase): Map<string, Values> {
  const inputs = new Map([...caseInputs(row)].map(([id, values]) => [id, Float64Array.from(values)]));
  const weights = new Map<string, Numbers & { values: Float64Array }>();
  for (const [name, { shape, values }] of caseWeights(row))
    weights.set(name, { shape, values: Float64Array.from(values) });
  const weightedSum = () => {
    let sum = 0;
    for (const { data } of referenceForward(row.graph, row.batchSize, inputs, weights, row.training)) {
      const by = cotangents(data.length);
      for (let index = 0; index < data.length; index++) sum += data[index]! * by[index]!;
    }
    return sum;
  };
  return new Map(
    differentiableNames(row).map((name) => {
      const at = inputs.get(name) ?? weights.get(name)!.values;
      return [name, { shape: [at.length], data: centralDifferences(weightedSum, at) }];
    }),
  );
}

/** All inputs and weights, but for moving statistics: nothing trains them. */
function differentiableNames(row: ConformanceCase): string[] {
  const weights = [...caseWeights(row).keys()].filter((name) => !/\/(mean|variance)$/.test(name));
  return [...row.graph.inputs.map(({ id }) => id), ...weights];
}

/** Fixed numbers between -1 and 1 by which outputs are weighted, exact in float32. */
function cotangents(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => (((index * 37) % 64) - 31) / 32);
}

function toValues(tensor: Tensor): Values {
  return { shape: tensor.shape, data: Float64Array.from(tensor.dataSync()) };
}

function expectClose(got: Values, expected: Values, tolerance: number, name = 'output'): void {
  expect(got.data.length, name).toBe(expected.data.length);
  const scale = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = expected.data.reduce((most, value, index) => Math.max(most, Math.abs(value - got.data[index]!)), 0);
  expect(worst / scale, `${name}: largest error beside its largest value ${scale}`).toBeLessThanOrEqual(tolerance);
}
