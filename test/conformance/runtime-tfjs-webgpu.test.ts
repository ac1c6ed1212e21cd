/** The column of the agent's tfjs-webgpu in the conformance table, on the software driver that comes with Debian's Chromium. */
import { existsSync } from 'node:fs';
import { describeRuntime } from './runtime-suite.js';

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(driver)) process.env.VK_DRIVER_FILES ??= driver;
await describeRuntime({ runtime: 'tfjs-webgpu', delegate: 'software', threads: 1 }, false);
