/** tfjs on WebGPU: the package webgpu (Dawn, as in Chrome) gives Node the graphics processor, tfjs-backend-webgpu runs on it. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import type { Adapter, Gpu } from 'webgpu';
import type { Runtime } from './runtime.js';
import { node, tfjsRuntime } from './tfjs.js';

/** `software`: a driver that computes on the processor. */
export type WebgpuDelegate = 'gpu' | 'software';

/** What to do where the packages are there, but no adapter. */
const drivers: { readonly [D in WebgpuDelegate]: string } = {
  gpu: 'install the Vulkan driver of the graphics processor; macOS and Windows bring their own',
  software: 'name a software driver in VK_DRIVER_FILES, e.g. the vk_swiftshader_icd.json that comes with Chromium',
};

/** What tfjs asks of its device, each as much as there is. */
const limits = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** Throws what the packages throw, `RUNTIME_UNAVAILABLE` where no adapter is of this kind. */
export async function openTfjsWebgpu(delegate: WebgpuDelegate): Promise<Runtime> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({
    powerPreference: 'high-performance',
    forceFallbackAdapter: delegate === 'software',
  });
  if (!adapter || adapter.info.isFallbackAdapter !== (delegate === 'software')) {
    const problem = `the Vulkan drivers of this system offer no ${delegate === 'gpu' ? 'graphics' : 'software'} adapter`;
    throw new AppError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-webgpu', problem, remedy: drivers[delegate] });
  }
  const { tf, version } = await useAdapter(gpu, adapter);
  const backend = tf.backend() as unknown as { uploadToGPU(dataId: object): void };
  return tfjsRuntime({ runtime: 'tfjs-webgpu', version, threads: 1, delegate }, tf, {
    upload: ({ dataId }) => backend.uploadToGPU(dataId),
    download: 'async',
    downloadsOnce: true,
  });
}

/** Makes the adapter's device tfjs's backend. */
async function useAdapter(gpu: Gpu, adapter: Adapter): Promise<{ tf: Tf; version: string }> {
  const name = '@tensorflow/tfjs-backend-webgpu';
  const tf = node.require('@tensorflow/tfjs-core') as Tf;
  const { WebGPUBackend } = node.require(name) as {
    WebGPUBackend: new (device: unknown, info: unknown) => ReturnType<Tf['backend']>;
  };
  const { version } = node.require(`${name}/package.json`) as { version: string };
  const requiredLimits = Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]]));
  const device = await adapter.requestDevice({ requiredLimits });
  // The backend refuses to start where no navigator tells of WebGPU; it looks at nothing else of it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu'); // that of another adapter
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info));
  await tf.setBackend('webgpu');
  await tf.ready();
  return { tf, version };
}
