/** The tflite column of the conformance table: folded, written, run by the agent's runtime with XNNPACK. Forward only. */
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { describe, expect, it } from 'vitest';
import { type ConformanceCase, caseInputs, caseWeights, conformanceCases } from './cases.js';
import { referenceForward } from './reference.js';

/** Largest error allowed, as a share of the largest value of the tensor (or of 1, where that is more). */
const tolerance = 1e-5;
const runtime = openTflite(1);

describe('writeTflite', () => {
  it.each(conformanceCases)('computes $name', (row) => {
    const outputs = run(row);
    // An inference file knows moving statistics only.
    const expected = referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), false);
    expect(outputs.length).toBe(expected.length);
    for (const [index, { data }] of expected.entries()) expectClose(outputs[index]!, data);
  });
});

function run(row: ConformanceCase): readonly Float32Array[] {
  const { graph, weights } = fold(row.graph, caseWeights(row));
  const session = runtime.load(writeTflite(graph, weights, { batch: row.batchSize, description: row.name }));
  const inputs = caseInputs(row);
  for (const [index, { id }] of graph.inputs.entries()) session.inputs[index]!.set(inputs.get(id)!);
  session.run();
  return session.outputs;
}

function expectClose(got: Float32Array, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  let [scale, worst] = [1, 0];
  for (let i = 0; i < got.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    worst = Math.max(worst, Math.abs(expected[i]! - got[i]!));
  }
  expect(worst / scale).toBeLessThanOrEqual(tolerance);
}
