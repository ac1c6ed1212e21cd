import type { StudyService } from '@bespoke/cloud/server/api.js';
import { createStudyService } from '@bespoke/cloud/study-service.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { describe, expect, it } from 'vitest';
import { device, runtime, testCloud } from '../support/fleet.js';

/** The service of a cloud that knows one device with these runtimes. */
async function serviceFor(...runtimes: RuntimeKey[]): Promise<StudyService> {
  let service: StudyService | undefined;
  const cloud = await testCloud({
    studies: (parts) => {
      service = createStudyService(parts);
      return service;
    },
  });
  cloud.store.devices.save({ ...device, runtimes });
  return service!;
}

describe('createStudyService', () => {
  it('refuses a study whose runtime the device does not offer, and says what it offers', async () => {
    const service = await serviceFor(runtime, { runtime: 'onnx', version: '1.30.0', threads: 2, delegate: 'cpu' });
    await expect(service.create('version: 1\nruntime: onnx')).rejects.toThrow(
      'expected device bench to offer onnx with 1 thread(s), but it offers tflite with 1 thread(s) on xnnpack, onnx with 2 thread(s) on cpu',
    );
  });

  it('refuses to judge anew what no study has evolved', async () => {
    const service = await serviceFor(runtime);
    await expect(service.create('{version: 1, method: eeea, evolution: {archiveOf: nobody}}')).rejects.toThrow(
      'but of nobody: there is no such study; name another study, or leave the key out',
    );
  });

  it("does not stand on TFLite's built-in kernels", async () => {
    const service = await serviceFor({ ...runtime, delegate: 'none' });
    await expect(service.create('version: 1')).rejects.toMatchObject({ code: 'DEVICE_RUNTIME_MISSING' });
  });
});
