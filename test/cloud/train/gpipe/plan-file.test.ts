import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PlanFile, readPlanFile, writePlanFile } from '@bespoke/cloud/train/gpipe/plan-file.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const file: PlanFile = {
  version: 1,
  identity: 'this',
  profile: {
    candidates: [{ microBatchCount: 4, inputBytes: 8, blocks: [] }],
    transfer: { messageMs: 0.1, byteMs: 1e-6 },
    oneProcessStepMs: 20,
  },
};

describe('readPlanFile', () => {
  it('gives back what was written, for the same number of micro-batches or any', async () => {
    const directory = join(temporaryFolder(), 'new');
    expect(await readPlanFile(directory, 'this', { microBatchCount: 'auto' })).toBeUndefined();
    await writePlanFile(directory, file);
    expect(await readPlanFile(directory, 'this', { microBatchCount: 'auto' })).toEqual(file);
    expect(await readPlanFile(directory, 'this', { microBatchCount: 4 })).toEqual(file);
  });

  it('takes a plan of before the gradients of weights were measured', async () => {
    const directory = temporaryFolder();
    const block = { id: 'a', forwardMs: 1, backwardMs: 2, parameterBytes: 4, savedBytes: 4, boundaryBytes: 4 };
    const [costs] = file.profile.candidates;
    const candidates = [{ ...costs, blocks: [block] }];
    writeFileSync(join(directory, 'plan.json'), JSON.stringify({ ...file, profile: { ...file.profile, candidates } }));
    const read = await readPlanFile(directory, 'this', { microBatchCount: 4 });
    expect(read!.profile.candidates[0].blocks).toEqual([{ ...block, weightGradientMs: 0 }]);
  });

  it('refuses the folder of another training, other micro-batches, and a damaged file', async () => {
    const directory = temporaryFolder();
    await writePlanFile(directory, file);
    const read = (identity: string, microBatchCount: number) => readPlanFile(directory, identity, { microBatchCount });
    await expect(read('that', 4)).rejects.toThrow(`expected ${directory} to be empty or of this training`);
    await expect(read('this', 8)).rejects.toThrow('holds one with 4 micro-batches');
    for (const damaged of ['{', '{}', JSON.stringify({ ...file, version: 2 })]) {
      writeFileSync(join(directory, 'plan.json'), damaged);
      await expect(read('this', 4)).rejects.toThrow(`expected a checkpoint in ${directory}, but plan.json`);
    }
  });
});
