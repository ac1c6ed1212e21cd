import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pauseMs } from '@bespoke/agent/connection.js';
import { agentIdIn, describeDevice } from '@bespoke/agent/device.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.js';

describe('pauseMs', () => {
  it('doubles with every failed attempt up to 30 s, spread over its upper half', () => {
    expect([0, 1, 2, 6, 7, 1000].map((attempts) => pauseMs(attempts, 0))).toEqual([
      125, 250, 500, 8000, 15_000, 15_000,
    ]);
    expect([0, 1, 2, 6, 7, 1000].map((attempts) => pauseMs(attempts, 1))).toEqual([
      250, 500, 1000, 16_000, 30_000, 30_000,
    ]);
  });
});

describe('agentIdIn', () => {
  it('makes up an id once and keeps it', () => {
    const path = join(temporaryFolder(), 'state', 'agent.json');
    const id = agentIdIn(path);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(agentIdIn(path)).toBe(id);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ agentId: id });
  });

  it('refuses a file that holds none', () => {
    const path = join(temporaryFolder(), 'agent.json');
    for (const text of ['{', '{}', '{"agentId":"../.."}']) {
      writeFileSync(path, text);
      expect(() => agentIdIn(path)).toThrow(
        /^expected the agent's id in .*delete it \(the device then counts as a new one\)$/,
      );
    }
  });
});

describe('describeDevice', () => {
  it('says what this machine is', () => {
    const info = describeDevice();
    expect(info).toMatchObject({ platform: process.platform, arch: process.arch });
    expect(info.cpuCount).toBeGreaterThanOrEqual(1);
    expect(info.memoryBytes).toBeGreaterThan(2 ** 20);
  });
});
