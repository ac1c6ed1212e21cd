import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readIdentity, stateWithKey, writeState } from '@bespoke/agent/state.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.js';

describe('stateWithKey', () => {
  it('makes up an id and a key once and keeps them, for the owner alone', () => {
    const path = join(temporaryFolder(), 'state', 'agent.json');
    const state = stateWithKey(path);
    expect(state.agentId).toMatch(/^[0-9a-f-]{36}$/);
    expect(state.key).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      d: expect.stringMatching(/^[\w-]{43}$/),
      x: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(stateWithKey(path)).toEqual(state);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(state);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps the id of a file from before there were keys, and closes the file to others', () => {
    const path = join(temporaryFolder(), 'agent.json');
    writeFileSync(path, '{"agentId":"device-0001"}', { mode: 0o644 });
    expect(stateWithKey(path).agentId).toBe('device-0001');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('refuses a file that it cannot read as a state', () => {
    const path = join(temporaryFolder(), 'agent.json');
    for (const text of ['{', '{}', '{"agentId":"../.."}', '{"agentId":"device-0001","key":{"kty":"RSA"}}']) {
      writeFileSync(path, text);
      expect(() => stateWithKey(path)).toThrow(/^expected the agent's id and key in .*pair again$/);
    }
  });
});

describe('readIdentity', () => {
  it('says how to pair where the agent was not', () => {
    const path = join(temporaryFolder(), 'agent.json');
    for (const prepare of [() => {}, () => stateWithKey(path)]) {
      prepare();
      expect(() => readIdentity(path)).toThrow(/but it holds none; get a code .* `npx bespoke agent pair URL CODE`$/);
    }
    const state = { ...stateWithKey(path), cloud: { url: 'ws://127.0.0.1:1', id: 'c1' }, name: 'pi' };
    writeState(path, state);
    expect(readIdentity(path)).toEqual(state);
  });
});
