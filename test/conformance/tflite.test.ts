/** The tflite column of the conformance table: folded, written, run by the agent's runtime with XNNPACK. Forward only. */
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { describe, expect, it } from 'vitest';
import { type ConformanceCase, caseInputs, caseWeights, conformanceCases } from './cases.js';
import { referenceForward } from './reference.js';

/** Largest error allowed, as a share of the largest value of the tensor (or of 1, where that is more). */
const tolerance = 1e-5;
const runtime = openTflite(1);

describe('openTflite', () => {
  it.each(conformanceCases)('computes $name', async (row) => {
    const outputs = await run(row);
    // An inference file knows moving statistics only.
    const expected = referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), false);
    expect(outputs.length).toBe(expected.length);
    for (const [index, { data }] of expected.entries()) expectClose(outputs[index]!, data);
  });
});

async function run(row: ConformanceCase): Promise<readonly Float32Array[]> {
  const folded = fold(row.graph, caseWeights(row));
  const session = await runtime.load({ kind: 'graph', ...folded, batch: row.batchSize });
  const inputs = caseInputs(row);
  for (const [index, { id }] of folded.graph.inputs.entries()) session.inputs[index]!.set(inputs.get(id)!);
  await session.run(1);
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
