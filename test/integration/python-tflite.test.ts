/** Exported files in an interpreter that is not ours: Python's tf.lite, which is newer than the agent's. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caseInputs, caseWeights, conformanceCases } from '../conformance/cases.js';
import { referenceForward } from '../conformance/reference.js';

const python = fileURLToPath(new URL('../../build/python/bin/python', import.meta.url));
const script = fileURLToPath(new URL('./python-tflite.py', import.meta.url));
const reason = existsSync(python) ? '' : ' (SKIPPED: no build/python with TensorFlow; run `npm run setup:tensorflow`)';
if (reason) console.warn(`python-tflite.test.ts${reason}`);

/** Largest error allowed, as a share of the largest value of the tensor (or of 1, where that is more). */
const tolerance = 1e-5;

describe.skipIf(reason)(`writeTflite, read by Python's tf.lite${reason}`, () => {
  let folder: string;
  let outputs: readonly (readonly number[][] | { error: string })[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'python-tflite-'));
    const cases = conformanceCases.map((row, index) => {
      const { graph, weights } = fold(row.graph, caseWeights(row));
      const model = `${index}.tflite`;
      writeFileSync(join(folder, model), writeTflite(graph, weights, { batch: row.batchSize, description: row.name }));
      const values = caseInputs(row);
      const inputs = graph.inputs.map(({ id }) => {
        const name = `${index}.${id}.bin`;
        writeFileSync(join(folder, name), new Uint8Array(values.get(id)!.buffer));
        return name;
      });
      return { model, inputs };
    });
    writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases));
    execFileSync(python, [script, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
    outputs = JSON.parse(readFileSync(join(folder, 'outputs.json'), 'utf8'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(conformanceCases.map((row, index) => ({ ...row, index })))('computes $name', (row) => {
    const got = outputs[row.index]!;
    if ('error' in got) throw new Error(got.error);
    const expected = referenceForward(row.graph, row.batchSize, caseInputs(row), caseWeights(row), false);
    expect(got.length).toBe(expected.length);
    expected.forEach(({ data }, index) => {
      const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - got[index]![i]!)), 0);
      expect(worst / scale).toBeLessThanOrEqual(tolerance);
    });
  });
});
