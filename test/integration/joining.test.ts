/** How a device joins and goes, by the commands that people type; and the same under a certificate. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { get, request } from 'node:https';
import { join } from 'node:path';
import { dialCloud } from '@bespoke/agent/dial.js';
import { pairAgent } from '@bespoke/agent/pair.js';
import { type AgentState, type CloudAddress, readIdentity } from '@bespoke/agent/state.js';
import type { Cloud } from '@bespoke/cloud/compose.js';
import { startLocalAgent } from '@bespoke/cloud/local-agent.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../support/command.js';
import { runtime, testCloud, workload } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';
import { Program } from '../support/program.js';
import { until } from '../support/until.js';

/** An agent that is paired already, with a measurer that needs no runtime. */
function startPaired(statePath: string, gatePath: string): Program {
  return new Program('integration/agent-process.mjs', ['', '', statePath, gatePath]);
}

const isOnline = ({ store, registry }: Cloud) => store.devices.all().some((device) => registry.view(device).online);

describe('bespoke device pair, bespoke agent pair, bespoke device revoke', () => {
  it('let a device in, and out for good', async () => {
    const [data, folder] = [temporaryFolder(), temporaryFolder()];
    const cloud = await testCloud({ dataDirectory: data });
    const statePath = join(folder, 'agent.json');
    const made = await runToEnd('bespoke', ['device', 'pair', '--data-directory', data]);
    const [, url, code] = /npx bespoke agent pair (\S+) (\S+)/.exec(made.stdout)!;
    expect(url).toBe(cloud.url);
    expect(made.stdout).toContain('This cloud listens on this machine only');
    const join1 = ['agent', 'pair', url!, code!, '--state', statePath, '--name', 'pi-kitchen'];
    expect(await runToEnd('bespoke', join1)).toMatchObject({ code: 0, stdout: '' });
    expect(statSync(statePath).mode & 0o777).toBe(0o600);
    const { key } = readIdentity(statePath);
    const agent = startPaired(statePath, join(folder, 'gate'));
    await until('it joins', () => isOnline(cloud));
    expect(cloud.store.devices.all().map(({ name }) => name)).toEqual(['pi-kitchen']);

    const revoked = await runToEnd('bespoke', ['device', 'revoke', 'pi-kitchen', '--data-directory', data]);
    expect(revoked).toMatchObject({ code: 0, stdout: 'pi-kitchen may not connect any more; what it measured stays\n' });
    await until('the agent is told how to come back', () =>
      /the cloud refuses: .* was revoked; to let it in again, get a code .* trying again/.test(agent.stderr),
    );
    expect(isOnline(cloud)).toBe(false);
    // The code of a second pairing goes by stdin; the key stays, so the agent that still runs is let in.
    const again = ['pair', url!, '--state', statePath, '--name', 'pi-kitchen'];
    expect((await runToEnd('bespoke-agent', again, `${cloud.newPairingCode().code}\n`)).code).toBe(0);
    await until('it is back', () => isOnline(cloud));
    expect(readIdentity(statePath).key).toEqual(key);
  });

  it('say in one sentence what is wrong', async () => {
    const folder = temporaryFolder();
    const cloud = await testCloud();
    const state = ['--state', join(folder, 'agent.json')];
    expect((await runToEnd('bespoke-agent', ['run', ...state])).stderr).toMatch(/AGENT_NOT_PAIRED\]\n$/);
    expect((await runToEnd('bespoke-agent', ['pair', cloud.url, '0000-0000', ...state])).stderr).toMatch(
      /^bespoke-agent: expected to pair with the cloud at ws:.*, but it refuses: .* \[PAIRING_CODE_UNKNOWN\] \[PAIRING_FAILED\]\n$/,
    );
    expect((await runToEnd('bespoke-agent', ['pair', 'http://192.0.2.1:8420', 'x', ...state])).stderr).toMatch(
      /^bespoke-agent: expected an encrypted connection, .* with --insecure-plain \[PLAIN_REFUSED\]\n$/,
    );
    expect((await runToEnd('bespoke', ['agent', 'pair', 'gopher://x'])).code).toBe(1);
    expect((await runToEnd('bespoke', ['device', 'pair', '--data-directory', folder])).stderr).toMatch(
      /start the cloud first, it writes the file \[FILE_UNREADABLE\]\n$/,
    );
    expect((await runToEnd('bespoke', ['device', 'revoke', 'pi', '--data-directory', folder])).code).toBe(1);
  });
});

/** A certificate of one's own for `name`, made by openssl. */
function certificate(name: string): { certPath: string; keyPath: string } {
  const folder = temporaryFolder();
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=bespoke', '-addext', `subjectAltName=${name}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyPath];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certPath, '-days', '2', ...subject], { stdio: 'ignore' });
  return { certPath, keyPath };
}

describe('a cloud with a certificate', () => {
  it('speaks https and wss only, with agents that check it', async () => {
    const folder = temporaryFolder();
    const tls = certificate('IP:127.0.0.1');
    const cloud = await testCloud({ tls });
    expect([cloud.url, cloud.agentUrl, cloud.newLoginUrl()].map((url) => url.split(':')[0])).toEqual([
      'https',
      'wss',
      'https',
    ]);
    await expect(fetch(cloud.url.replace('https', 'http'))).rejects.toThrow();
    const status = await new Promise((resolve) => {
      get(`${cloud.url}/api/devices`, { ca: readFileSync(tls.certPath) }, ({ statusCode }) => resolve(statusCode));
    });
    expect(status).toBe(401);
    const { origin, hash } = new URL(cloud.newLoginUrl());
    const cookie = await new Promise<string>((resolve) => {
      const headers = { 'content-type': 'application/json' };
      request(`${origin}/api/session`, { method: 'POST', headers, ca: readFileSync(tls.certPath) }, (response) =>
        resolve(response.headers['set-cookie']![0]!),
      ).end(JSON.stringify({ token: hash.replace('#token=', '') }));
    });
    expect(cookie).toMatch(/; Secure$/);

    const statePath = join(folder, 'agent.json');
    const pair = (address: Partial<CloudAddress>) =>
      pairAgent({
        cloud: { url: cloud.agentUrl, ...address },
        code: cloud.newPairingCode().code,
        statePath,
        name: 'test device',
      });
    await expect(pair({})).rejects.toThrow(/cannot be reached: self-signed certificate/);
    await expect(pair({ caPath: certificate('IP:127.0.0.1').certPath })).rejects.toThrow(/self-signed certificate/);
    await expect(pair({ caPath: tls.certPath, tlsName: 'cloud.example' })).rejects.toThrow(
      /cannot be reached: .*cloud\.example/,
    );
    await expect(pair({ url: cloud.agentUrl.replace('wss', 'ws') })).rejects.toThrow(/cannot be reached/);
    await pair({ caPath: tls.certPath });

    startPaired(statePath, statePath); // a gate that is open
    await until('it joins', () => isOnline(cloud));
    const [device] = cloud.store.devices.all();
    const { sha256, byteCount } = cloud.store.artifacts.put(Buffer.alloc(77, 1));
    const file = { kind: 'file', format: 'tflite', sha256, byteCount } as const;
    const table = await cloud.ensureMeasured(device!.id, runtime, [workload(0), file]);
    expect(table.get(workloadKey(file))!.medianMs).toBe(77);
  });

  it('has its own agent beside it, whatever name the certificate bears', { timeout: 60_000 }, async () => {
    const cloud = await testCloud({ tls: certificate('DNS:cloud.example') });
    const agent = await startLocalAgent(cloud, { threads: 1, runtimes: ['tflite'] });
    expect(cloud.registry.view(agent.device).online).toBe(true);
    agent.stop();
    const { cloud: address } = JSON.parse(
      readFileSync(join(cloud.config.dataDirectory, 'agent-1.json'), 'utf8'),
    ) as AgentState;
    expect(address).toMatchObject({ url: cloud.agentUrl, id: cloud.store.cloudId, tlsName: 'cloud.example' });
  });

  it('does not start on files that are no certificate and key, or on one of them', async () => {
    const tls = certificate('IP:127.0.0.1');
    await expect(testCloud({ tls: { ...tls, keyPath: certificate('IP:127.0.0.1').keyPath } })).rejects.toThrow(
      /^expected a certificate or key in PEM form in .*key\.pem, but .*key values mismatch/,
    );
    await expect(testCloud({ tls: { ...tls, certPath: '/nowhere' } })).rejects.toThrow(/in \/nowhere, but ENOENT/);
    const one = await runToEnd('bespoke', ['start', '--data-directory', temporaryFolder(), '--tls-cert', tls.certPath]);
    expect(one).toMatchObject({ code: 1, stderr: expect.stringContaining('expected both --tls-cert and --tls-key') });
  });
});

describe('without a certificate', () => {
  it('a cloud listens on this machine only, unless asked for by name', async () => {
    await expect(testCloud({ host: '0.0.0.0' })).rejects.toThrow(
      'expected an encrypted connection, but 0.0.0.0 is not of this machine and has none: anybody on the way could read and change what is said; give --tls-cert and --tls-key, or allow it by name with --insecure-plain',
    );
    const cloud = await testCloud({ host: '0.0.0.0', insecurePlain: true });
    expect(cloud.agentUrl).toMatch(/^ws:\/\/127\.0\.0\.1:/);
  });

  it('an agent dials this machine only, unless asked for by name', () => {
    expect(() => dialCloud({ url: 'ws://192.0.2.1:8420' })).toThrow(
      'give a wss:// address, or allow it by name with --insecure-plain',
    );
    dialCloud({ url: 'ws://192.0.2.1:8420', insecurePlain: true })
      .on('error', () => {})
      .terminate();
  });
});
