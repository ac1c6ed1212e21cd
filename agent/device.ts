/** What this device is. */
import { arch, cpus, hostname, platform, totalmem } from 'node:os';
import type { DeviceInfo } from '@bespoke/shared/protocol/api.js';
import { possibleRuntimes } from './runtime-packages.js';

export function describeDevice(): DeviceInfo {
  const processors = cpus();
  return {
    hostname: hostname().slice(0, 200) || 'unknown',
    platform: platform(),
    arch: arch(),
    cpuModel: processors[0]?.model.trim().slice(0, 200) || 'unknown', // many ARM kernels name none
    cpuCount: Math.max(processors.length, 1),
    memoryBytes: totalmem(),
    possibleRuntimes: possibleRuntimes(),
  };
}
