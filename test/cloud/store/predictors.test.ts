import { openStore } from '@bespoke/cloud/store/store.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

const holdOut = { count: 3, meanError: 0.01, worstError: 0.02, spearman: 1, within10Share: 1 };
const point = { heldOut: true, sumMs: 1, predictedMs: 1.1, measuredMs: 1.2, lowMs: 1.1, highMs: 1.3, macs: 1000 };
const fitted = (space: string, meanError: number) => ({ space, holdOut: { ...holdOut, meanError }, points: [point] });

function testStore(folder = temporaryFolder()) {
  const store = openStore(folder, () => new Date('2026-01-02T03:04:05Z'));
  onTestFinished(() => store.close());
  return store;
}

describe('Predictors', () => {
  it('lists the latest of each runtime and space, across a reopening', () => {
    const folder = temporaryFolder();
    const { devices, studies, predictors, close } = testStore(folder);
    devices.save(device);
    const fits = [
      [1, 'small', 0.03],
      [1, 'wide', 0.02],
      [2, 'small', 0.04],
      [1, 'small', 0.01],
    ] as const;
    fits.forEach(([threads, space, meanError], index) => {
      const { id } = studies.add({ id: `study-${index}`, name: 'one', deviceId: device.id, specYaml: 'version: 1' });
      predictors.add({ deviceId: device.id, studyId: id, runtime: { ...runtime, threads } }, fitted(space, meanError));
    });
    close();

    const list = testStore(folder).predictors.list(device.id);
    expect(list.map(({ space, runtime: { threads }, holdOut: { meanError } }) => [space, threads, meanError])).toEqual([
      ['small', 1, 0.01],
      ['small', 2, 0.04],
      ['wide', 1, 0.02],
    ]);
    expect(list[0]).toEqual({ runtime, fittedAt: '2026-01-02T03:04:05.000Z', ...fitted('small', 0.01) });
  });

  it('tells a study the error of what it searched with', () => {
    const { devices, studies, predictors } = testStore();
    devices.save(device);
    studies.add({ id: 'study-1', name: 'one', deviceId: device.id, specYaml: 'version: 1' });
    expect(studies.detail('study-1')!.predictionError).toBeNull();
    const owner = { deviceId: device.id, studyId: 'study-1', runtime };
    predictors.add(owner, fitted('small', 0.03));
    predictors.add(owner, fitted('small', 0.03)); // told again after a kill
    expect(studies.detail('study-1')!.predictionError).toEqual({ ...holdOut, meanError: 0.03 });
    expect(predictors.list(device.id)).toHaveLength(1);
  });
});
