/** Who gets in: pairing by code, proof by key, revocation. Each attack of docs/security.md on the agents' door is tried here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentAccess, newPairingCode } from '@bespoke/cloud/server/agent-access.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import type { ChallengeMessage } from '@bespoke/shared/protocol/agent.js';
import { readPairingCode } from '@bespoke/shared/protocol/pairing-code.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { device, runtime, success, testCloud, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { agentSaying, answerSentinels, helloTo, jobsOf, letIn, newKey, pairTo } from '../../support/raw-agent.js';
import { cookieFor } from '../../support/sign-in.js';
import { until } from '../../support/until.js';

type Agent = Awaited<ReturnType<typeof agentSaying>>;

/** The last thing that the cloud said before it closed. */
async function answerTo(agent: Agent): Promise<unknown> {
  await until('it is closed', () => agent.closed);
  return agent.messages.at(-1);
}

const pairing =
  (code: string, key = newKey()) =>
  (challenge: ChallengeMessage) =>
    pairTo(challenge, code, device.id, key);

describe('pairing', () => {
  it('makes a key known that from then on is enough', async () => {
    const cloud = await testCloud();
    const key = newKey();
    const { code } = cloud.newPairingCode();
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    const answer = await answerTo(await agentSaying(cloud, pairing(code.toLowerCase(), key)));
    expect(answer).toEqual({ type: 'paired', deviceId: device.id });
    const agent = await agentSaying(cloud, (challenge) => helloTo(challenge, device.id, key));
    await until('it is welcome', () => agent.messages.length > 0);
    expect(agent.messages[0]).toMatchObject({ type: 'welcome', deviceId: device.id });
  });

  it('takes a code once, and only for ten minutes', async () => {
    let nowMs = 0;
    const store = openStore(temporaryFolder(), () => new Date(nowMs));
    onTestFinished(() => store.close());
    const redeem = (code: string, id: string) => store.agents.redeem(readPairingCode(code)!, id, newKey().x);
    const first = newPairingCode(store.secrets);
    expect(first.expiresAt).toBe('1970-01-01T00:10:00.000Z');
    expect([redeem(first.code, 'device-0001'), redeem(first.code, 'device-0002')]).toEqual(['paired', 'codeUnknown']);
    const second = newPairingCode(store.secrets);
    nowMs = 600_000;
    expect(redeem(second.code, 'device-0002')).toBe('codeUnknown');
  });

  it('keeps codes as slow hashes only', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud({ dataDirectory: folder });
    const { code } = cloud.newPairingCode();
    for (const file of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, file));
      expect(bytes.includes(code) || bytes.includes(readPairingCode(code)!), file).toBe(false);
    }
  });

  it('gives the id of an agent to no other key, and leaves the code good', async () => {
    const cloud = await testCloud();
    letIn(cloud);
    const { code } = cloud.newPairingCode();
    const answer = await answerTo(await agentSaying(cloud, pairing(code)));
    expect(answer).toMatchObject({ type: 'refused', code: 'AGENT_ID_TAKEN' });
    const other = (challenge: ChallengeMessage) => pairTo(challenge, code, 'device-0002', newKey());
    expect(await answerTo(await agentSaying(cloud, other))).toMatchObject({ type: 'paired' });
  });

  it('pairs no key whose private half the agent does not hold', async () => {
    const cloud = await testCloud();
    const { code } = cloud.newPairingCode();
    const victim = newKey();
    const answer = await answerTo(
      await agentSaying(cloud, (challenge) => ({ ...pairTo(challenge, code), publicKey: victim.x })),
    );
    expect(answer).toMatchObject({ type: 'refused', code: 'AGENT_PROOF_INVALID' });
  });

  it('stops listening to codes after twenty wrong ones within a minute', () => {
    let nowMs = 0;
    const store = openStore(temporaryFolder(), () => new Date(nowMs));
    onTestFinished(() => store.close());
    const access = new AgentAccess(
      store,
      () => {},
      () => nowMs,
    );
    const attempt = (code: string) => {
      const challenge = access.challenge();
      access.pair(pairTo(challenge, code), challenge.nonce);
    };
    const { code } = newPairingCode(store.secrets);
    for (let guess = 0; guess < 20; guess++) {
      nowMs += 1000;
      expect(() => attempt('0000-000')).toThrow(/^expected a pairing code that was made in the last minutes/);
    }
    expect(() => attempt(code)).toThrow(
      'expected fewer wrong pairing codes; for protection against guessing no code counts now: try again in 41 s',
    );
    nowMs += 41_000;
    expect(() => attempt(code)).not.toThrow();
  });
});

describe('proof', () => {
  it('counts for the connection that it was made for alone: a replayed hello is refused', async () => {
    const cloud = await testCloud();
    letIn(cloud);
    let recorded: object = {};
    const agent = await agentSaying(cloud, (challenge) => {
      recorded = helloTo(challenge);
      return recorded;
    });
    await until('it is welcome', () => agent.messages.length > 0);
    const replay = await agentSaying(cloud, recorded);
    expect(await answerTo(replay)).toMatchObject({ type: 'refused', code: 'AGENT_PROOF_INVALID' });
    expect(replay.challenge.nonce).not.toBe(agent.challenge.nonce);
    expect(agent.closed).toBeUndefined();
  });

  it.each([
    ['another purpose', (challenge: ChallengeMessage) => pairTo(challenge, 'x').signature],
    ['another cloud', (challenge: ChallengeMessage) => helloTo({ ...challenge, cloudId: 'f'.repeat(32) }).signature],
    ['another agent', (challenge: ChallengeMessage) => helloTo(challenge, 'device-0002').signature],
  ])('made for %s is none', async (_, signatureOf) => {
    const cloud = await testCloud();
    letIn(cloud);
    const agent = await agentSaying(cloud, (challenge) => ({
      ...helloTo(challenge),
      signature: signatureOf(challenge),
    }));
    expect(await answerTo(agent)).toMatchObject({ type: 'refused', code: 'AGENT_PROOF_INVALID' });
  });
});

describe('revocation', () => {
  it('over HTTP ends the connection at once, refuses the agent afterwards, and keeps its measurements', async () => {
    const cloud = await testCloud();
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo, { type: 'ready' });
    answerSentinels(agent);
    await until('it is welcome', () => agent.messages.length > 0);
    const campaign = cloud.ensureMeasured(device.id, runtime, [workload(0)]);
    const { jobId, leaseId } = await until('a job comes', () => jobsOf(agent)[0]);
    agent.socket.send(JSON.stringify({ type: 'result', jobId, leaseId, outcome: success(2) }));
    agent.socket.send(JSON.stringify({ type: 'ready' }));
    await campaign;
    const headers = { cookie: await cookieFor(cloud.newLoginUrl()) };
    const url = `${cloud.url}/api/devices/${device.id}/revoke`;
    expect((await fetch(url, { method: 'POST' })).status).toBe(401);
    const view = await (await fetch(url, { method: 'POST', headers })).json();
    expect(view).toMatchObject({ id: device.id, revoked: true, measuredCount: 1 });
    const refusal = { type: 'refused', code: 'AGENT_REVOKED', message: expect.stringContaining('bespoke agent pair') };
    expect(await answerTo(agent)).toMatchObject(refusal);
    expect(cloud.registry.view(cloud.store.devices.get(device.id)!)).toMatchObject({ online: false, revoked: true });
    expect(await answerTo(await agentSaying(cloud, helloTo))).toMatchObject(refusal);
    expect(cloud.store.latencies.count(device.id)).toBe(1);
    letIn(cloud);
    const again = await agentSaying(cloud, helloTo);
    await until('paired again, it is welcome', () => again.messages.length === 1);
    expect(cloud.store.devices.get(device.id)).toEqual(device);
  });

  it('by another process ends the connection within a moment', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud({ dataDirectory: folder });
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo);
    await until('it is welcome', () => agent.messages.length > 0);
    const other = openStore(folder);
    other.agents.revoke(device.id);
    other.close();
    expect(await answerTo(agent)).toMatchObject({ type: 'refused', code: 'AGENT_REVOKED' });
  });
});

describe('an agent without pairing', () => {
  it('gets no job, whatever it says first', async () => {
    const cloud = await testCloud();
    cloud.store.devices.save(device);
    const stop = new AbortController();
    const campaign = cloud.ensureMeasured(device.id, runtime, [workload(0)], { signal: stop.signal });
    const outcome = success(1);
    for (const said of [
      helloTo,
      { type: 'ready' },
      { type: 'result', jobId: 'job-00001', leaseId: 'lease-001', outcome },
      { type: 'heartbeat', sequence: 1 },
      { type: 'bye', reason: 'none' },
      pairing('0000-0000'),
    ]) {
      const agent = await agentSaying(cloud, said, { type: 'ready' });
      expect(await answerTo(agent)).toMatchObject({ type: 'refused' });
      expect(agent.messages).toHaveLength(1);
    }
    expect(cloud.store.jobs.countOpen(device.id)).toBe(1);
    stop.abort(new Error('enough'));
    await expect(campaign).rejects.toThrow('enough');
  });
});

describe('the token of files', () => {
  const bytes = 'model bytes';

  it.each<[who: string, token: (welcome: { fileToken: string }, sha256: string) => string, opens: boolean]>([
    ['an agent that is welcome', ({ fileToken }) => fileToken, true],
    ['who has none', () => '', false],
    ['who guesses one', () => 'x'.repeat(43), false],
    ['who knows only part of one', ({ fileToken }) => fileToken.slice(0, -1), false],
    ["who knows the file's name", (_, sha256) => sha256, false],
  ])('of %s opens them as it should', async (_, tokenOf, opens) => {
    const { cloud, welcome } = await welcomeAgent();
    const { sha256 } = cloud.store.artifacts.put(Buffer.from(bytes));
    const response = await fileBy(cloud, sha256, tokenOf(welcome, sha256));
    const answer = await response.text();
    expect([response.status, answer === bytes, answer.includes('AGENT_TOKEN_UNKNOWN')]).toEqual(
      opens ? [200, true, false] : [401, false, true],
    );
  });

  it('ends with the connection', async () => {
    const { cloud, agent, welcome } = await welcomeAgent();
    const { sha256 } = cloud.store.artifacts.put(Buffer.from(bytes));
    expect((await fileBy(cloud, sha256, welcome.fileToken)).status).toBe(200);
    agent.socket.terminate();
    await until('it opens nothing', async () => (await fileBy(cloud, sha256, welcome.fileToken)).status === 401);
  });

  async function welcomeAgent() {
    const cloud = await testCloud();
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo);
    const welcome = await until('it is welcome', () => agent.messages[0] as { fileToken: string });
    return { cloud, agent, welcome };
  }

  function fileBy({ url }: { url: string }, sha256: string, token: string): Promise<Response> {
    return fetch(`${url}/api/artifacts/${sha256}`, { headers: { authorization: `Bearer ${token}` } });
  }
});
