/** The conformance rows run by one runtime of the agent, folded and loaded as a measurement loads them; forward only. */
import { graphOf, type Runtime } from '@bespoke/agent/runtime/runtime.js';
import { openRuntime, type RuntimeChoice } from '@bespoke/agent/runtime/runtimes.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import type { Shape } from '@bespoke/shared/graph/tensor.js';
import { describe, expect, it } from 'vitest';
import { type ConformanceCase, caseInputs, caseWeights, conformanceCases } from './cases.js';
import { referenceForward } from './reference.js';

/** Largest error allowed, as a share of the largest value of the tensor (or of 1, where that is more). */
const tolerance = 1e-5;

/** Where the runtime does not load, its reason is printed and the column is skipped; `required` fails instead. */
export async function describeRuntime(choice: RuntimeChoice, required: boolean): Promise<void> {
  const name = `${choice.runtime}, ${choice.delegate}`;
  const runtime = await openRuntime(choice).catch((error: Error) => {
    if (required) throw error;
    return error;
  });
  describe(`openRuntime with ${name}`, () => {
    if (runtime instanceof Error) {
      console.warn(`\nSKIPPED: the ${name} column of the conformance table: ${runtime.message}\n`);
      it.skip(`is not tested here: ${runtime.message}`, () => {});
      return;
    }
    it.each(conformanceCases)('computes $name', async (row) => {
      const outputs = await run(runtime, row);
      // Inference knows moving statistics only.
      const expected = referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), false);
      expect(outputs.length).toBe(expected.length);
      for (const [index, { data, shape }] of expected.entries()) {
        expectClose(outputs[index]!, arrange(runtime, data, shape));
      }
    });

    it('takes inputs and gives outputs of the sizes asked for by a model that does nothing', async () => {
      const session = await runtime.loadEmpty([[2, 3], [5]], [[7], [4, 2]]);
      await session.run(3);
      expect(session.inputs.map(({ length }) => length)).toEqual([6, 5]);
      expect(session.outputs.map((output) => [...output])).toEqual([new Array(7).fill(0), new Array(8).fill(0)]);
      session.close();
    });
  });
}

async function run(runtime: Runtime, row: ConformanceCase): Promise<readonly Float32Array[]> {
  const model = { kind: 'graph', ...fold(row.graph, caseWeights(row)), batch: row.batchSize } as const;
  const session = await runtime.load(model);
  const inputs = caseInputs(row);
  for (const [index, { id, shape }] of graphOf(model, runtime.key).graph.inputs.entries())
    session.inputs[index]!.set(arrange(runtime, inputs.get(id)!, [row.batchSize, ...shape]));
  await session.run(2); // the second must leave nothing of the first
  const outputs = session.outputs.map((output) => Float32Array.from(output));
  session.close();
  return outputs;
}

/** A tensor's values, [N, H, W, C] or [N, C], as the runtime lays them out. */
function arrange({ layout }: Runtime, values: ArrayLike<number>, shape: Shape): ArrayLike<number> {
  if (layout === 'NHWC' || shape.length !== 4) return values;
  const [n, height, width, channels] = shape as [number, number, number, number];
  const pixels = height * width;
  return Float64Array.from({ length: n * pixels * channels }, (_, to) => {
    const [sample, c, pixel] = [Math.floor(to / (pixels * channels)), Math.floor(to / pixels) % channels, to % pixels];
    return values[(sample * pixels + pixel) * channels + c]!;
  });
}

function expectClose(got: Float32Array, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  let [scale, worst] = [1, 0];
  for (let i = 0; i < got.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]!));
    worst = Math.max(worst, Math.abs(expected[i]! - got[i]!)); // NaN stays NaN
  }
  expect(worst / scale).toBeLessThanOrEqual(tolerance);
}
