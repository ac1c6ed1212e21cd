import { readFileSync } from 'node:fs';
import type { Cloud } from '@bespoke/cloud/compose.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { CloudMessage } from '@bespoke/shared/protocol/agent.js';
import type { ApiEvent, MeasurementView, SentinelPoint } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { device, noStudies, runtime, success, testCloud, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';
import { pipelinePlan, pipelineStep } from '../../support/pipeline.js';
import {
  agentSaying,
  answerSentinels,
  dial,
  helloTo,
  jobsOf,
  letIn,
  newKey,
  type Said,
} from '../../support/raw-agent.js';
import { postToken } from '../../support/sign-in.js';
import { until } from '../../support/until.js';

/** Signs in as a browser does; gives the cookie. */
async function signIn(cloud: Cloud): Promise<string> {
  const response = await postToken(cloud.newLoginUrl());
  expect(response.status).toBe(204);
  const cookie = response.headers.get('set-cookie')!;
  expect(cookie).toMatch(/^bespoke_session=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=2592000$/);
  return cookie.split(';')[0]!;
}

async function failure(response: Response): Promise<[number, string, string]> {
  const { code, message } = (await response.json()) as { code: string; message: string };
  return [response.status, code, message];
}

describe('a session', () => {
  it('opens with a one-time token, once', async () => {
    const cloud = await testCloud();
    const url = cloud.newLoginUrl();
    expect(new URL(url).search).toBe('');
    expect((await postToken(url)).status).toBe(204);
    const sentence = 'expected a one-time token, but this one is unknown or was used; restart the cloud for a new one';
    expect(await failure(await postToken(url))).toEqual([401, 'LOGIN_TOKEN_INVALID', sentence]);
    expect((await postToken(`${cloud.url}/#token=guess`)).status).toBe(401);
    const fromElsewhere = await fetch(`${cloud.url}/api/session`, {
      method: 'POST',
      headers: { origin: 'http://evil.example', 'content-type': 'application/json' },
      body: JSON.stringify({ token: cloud.newLoginUrl().split('=')[1] }),
    });
    expect((await failure(fromElsewhere)).slice(0, 2)).toEqual([403, 'ORIGIN_REFUSED']);
  });

  it('outlives the cloud, but its cookie is nowhere on the disk', async () => {
    const dataDirectory = temporaryFolder();
    const first = await testCloud({ dataDirectory });
    const cookie = await signIn(first);
    await first.close();
    const second = await testCloud({ dataDirectory });
    expect((await fetch(`${second.url}/api/devices`, { headers: { cookie } })).status).toBe(200);
    expect(readFileSync(`${dataDirectory}/bespoke.sqlite`).includes(cookie.split('=')[1]!)).toBe(false);
  });

  it.each([
    ['no cookie', {}, 401, 'LOGIN_REQUIRED'],
    ['a made-up cookie', { cookie: `bespoke_session=${'A'.repeat(43)}` }, 401, 'LOGIN_REQUIRED'],
    ["another site's page", { origin: 'http://evil.example' }, 403, 'ORIGIN_REFUSED'],
  ])(
    'is needed by every call and by the events: %s is refused',
    async (_, headers: Record<string, string>, status, code) => {
      const cloud = await testCloud();
      const cookie: Record<string, string> = code === 'ORIGIN_REFUSED' ? { cookie: await signIn(cloud) } : {};
      expect(
        (await failure(await fetch(`${cloud.url}/api/studies`, { headers: { ...cookie, ...headers } }))).slice(0, 2),
      ).toEqual([status, code]);
      const events = dial(`${cloud.agentUrl}/api/events`, { ...cookie, ...headers });
      await until('it is refused', () => events.error);
      expect(events.error).toBe(`Unexpected server response: ${status}`);
    },
  );
});

describe('the API', () => {
  it('answers the calls of the dashboard, and failures as ApiError', async () => {
    const cloud = await testCloud();
    const headers = { cookie: await signIn(cloud), 'content-type': 'application/json' };
    const get = (path: string) => fetch(`${cloud.url}${path}`, { headers });
    const post = (path: string, body: string) => fetch(`${cloud.url}${path}`, { method: 'POST', headers, body });
    cloud.store.devices.save(device);
    expect(await (await get('/api/devices')).json()).toEqual([
      { ...device, online: false, currentJob: null, measuredCount: 0, pendingCount: 0 },
    ]);
    expect(await (await get(`/api/devices/${device.id}/latencies`)).json()).toEqual([]);
    expect(await (await get(`/api/devices/${device.id}/predictors`)).json()).toEqual([]);
    expect(await failure(await get('/api/devices/other/latencies'))).toEqual([
      404,
      'NOT_FOUND',
      'expected a device, but there is none with the name other',
    ]);
    expect(await failure(await get('/nowhere'))).toEqual([
      404,
      'NOT_FOUND',
      'expected a page, but there is none with the name /nowhere',
    ]);
    expect((await failure(await post('/api/studies', '{"yaml":3}'))).slice(0, 2)).toEqual([400, 'REQUEST_INVALID']);
    expect((await failure(await post('/api/studies', '{'))).slice(0, 2)).toEqual([
      400,
      'FST_ERR_CTP_INVALID_JSON_BODY',
    ]);
    expect((await failure(await post('/api/studies', '{"yaml":"seed: 1"}'))).slice(0, 2)).toEqual([
      400,
      'SPEC_INVALID',
    ]);
  });

  it('gives all measurements of a workload with their samples', async () => {
    const cloud = await testCloud();
    const headers = { cookie: await signIn(cloud) };
    const get = (part: string) => fetch(`${cloud.url}/api/devices/${device.id}/${part}`, { headers });
    cloud.store.devices.save(device);
    for (const medianMs of [3, 2]) {
      const { jobs, blocks, leases } = cloud.store;
      const [{ id } = { id: '' }] = jobs.add(device.id, runtime, [workload(0)], () => `job-${medianMs}`);
      const block = blocks.add(device.id, runtime, 1);
      const job = jobs.grant(id, { id: `lease-${medianMs}`, deviceId: device.id, blockId: block.id });
      jobs.measure(job, leases.get(`lease-${medianMs}`)!, success(medianMs));
      blocks.end(block.id, 1, null, 0);
    }
    const query = (runtimeText: string) =>
      `measurements?${new URLSearchParams({ runtime: runtimeText, key: workloadKey(workload(0)) })}`;
    const { samplesMs, overheadMs, batchSize, host } = success(3);
    const measurements = (await (await get(query(JSON.stringify(runtime)))).json()) as MeasurementView[];
    expect(measurements[0]).toMatchObject({ samplesMs, overheadMs, batchSize, host, doubt: null });
    expect(measurements.map((each) => each.samplesMs[0])).toEqual([3, 2]);
    expect(await (await get(query(JSON.stringify({ ...runtime, threads: 7 })))).json()).toEqual([]);
    for (const bad of [query('tflite'), query('{}'), 'measurements'])
      expect((await failure(await get(bad))).slice(0, 2)).toEqual([400, 'REQUEST_INVALID']);
    expect(await (await get('predictors')).json()).toEqual([]);
  });

  it('gives what the sentinel took before and after each block', async () => {
    const cloud = await testCloud();
    const cookie = await signIn(cloud);
    cloud.store.devices.save(device);
    const { id } = cloud.store.blocks.add(device.id, runtime, 3);
    cloud.store.blocks.end(id, 4, 'the sentinel drifted', 0);
    const response = await fetch(`${cloud.url}/api/devices/${device.id}/sentinel`, { headers: { cookie } });
    const readings = (await response.json()) as SentinelPoint[];
    expect(readings.map(({ medianMs, doubt }) => [medianMs, doubt])).toEqual([
      [3, null],
      [4, 'the sentinel drifted'],
    ]);
  });

  it('hands out the model of a study to its user', async () => {
    const cloud = await testCloud();
    const cookie = await signIn(cloud);
    const { id } = cloud.journal.create({
      id: 'study-1',
      name: 'my flowers',
      deviceId: device.id,
      specYaml: 'seed: 1\n',
    });
    expect((await fetch(`${cloud.url}/api/studies/${id}/model`, { headers: { cookie } })).status).toBe(404);
    cloud.journal.model(id, Buffer.from('model bytes'));
    const response = await fetch(`${cloud.url}/api/studies/${id}/model`, { headers: { cookie } });
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="my-flowers.tflite"');
    expect(await response.text()).toBe('model bytes');
  });

  it('pushes the plan of a pipeline as a study to be read again, its steps as they are', async () => {
    const cloud = await testCloud();
    const cookie = await signIn(cloud);
    const events = dial(`${cloud.agentUrl}/api/events`, { cookie, origin: cloud.url });
    await until('it opens', () => events.socket.readyState === WebSocket.OPEN);
    const { id } = cloud.journal.create({ id: 'study-1', name: 'flowers', deviceId: device.id, specYaml: '' });
    cloud.journal.pipelinePlan(id, pipelinePlan);
    cloud.journal.pipelineStep(id, pipelineStep);
    await until('all events come', () => events.messages.length === 3);
    expect(events.messages.slice(1)).toEqual([
      { type: 'studyChanged', studyId: id },
      { type: 'pipelineStep', studyId: id, step: pipelineStep },
    ]);
    const detail = await (await fetch(`${cloud.url}/api/studies/${id}`, { headers: { cookie } })).json();
    expect(detail).toMatchObject({ pipeline: { plan: pipelinePlan, step: pipelineStep } });
  });

  it('ends the phase that it is told to end, and no other word', async () => {
    const asked: unknown[] = [];
    const cloud = await testCloud({
      studies: ({ store }) => ({
        ...noStudies,
        stop(id, phase) {
          asked.push([id, phase]);
          return store.studies.get(id)!;
        },
      }),
    });
    const headers = { cookie: await signIn(cloud), 'content-type': 'application/json' };
    const { id } = cloud.journal.create({ id: 'study-1', name: 'flowers', deviceId: device.id, specYaml: '' });
    const stop = (body: unknown) =>
      fetch(`${cloud.url}/api/studies/${id}/stop`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await stop({ phase: 'train' })).status).toBe(200);
    expect(asked).toEqual([[id, 'train']]);
    for (const body of [{}, { phase: 'export' }])
      expect((await failure(await stop(body))).slice(0, 2)).toEqual([400, 'REQUEST_INVALID']);
  });

  it('pushes devices, latencies and studies to dashboards', async () => {
    const cloud = await testCloud();
    const events = dial(`${cloud.agentUrl}/api/events`, { cookie: await signIn(cloud), origin: cloud.url });
    await until('it opens', () => events.socket.readyState === WebSocket.OPEN);
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo, { type: 'ready' });
    answerSentinels(agent);
    await until('it is welcome', () => agent.messages.length > 0);
    const campaign = cloud.ensureMeasured(device.id, runtime, [workload(0)]);
    const job = await until('a job comes', () => jobsOf(agent)[0]);
    const received = events.messages as ApiEvent[];
    const devices = () => received.filter((event) => event.type === 'device').map((event) => event.device);
    await until('it is shown', () => devices().some(({ currentJob }) => currentJob === 'conv k3 on 8x8x3'));
    agent.socket.send(JSON.stringify({ type: 'result', jobId: job.jobId, leaseId: job.leaseId, outcome: success(2) }));
    await until('the result is shown', () => received.some(({ type }) => type === 'latency'));
    agent.socket.send(JSON.stringify({ type: 'ready' }));
    await campaign;
    cloud.journal.create({ id: 'study-1', name: 'flowers', deviceId: device.id, specYaml: '' });
    cloud.journal.log('study-1', 'a line');
    await until('all events come', () => received.some(({ type }) => type === 'log'));
    expect(new Set(received.map(({ type }) => type))).toEqual(new Set(['device', 'latency', 'study', 'log']));
    const latency = { deviceId: device.id, medianMs: 2, workload: workload(0) };
    expect(received.filter((event) => event.type === 'latency')).toMatchObject([
      { latency: { ...latency, doubt: expect.stringMatching(/^provisional/) } },
      { latency: { ...latency, doubt: null } },
    ]);
  });
});

describe('the agents’ socket', () => {
  it.each([
    [
      'another version',
      () => [{ type: 'hello', protocol: 9 }],
      'PROTOCOL_VERSION_DIFFERS',
      'the other side speaks version 9',
    ],
    [
      'an agent that nobody paired',
      () => [(challenge) => helloTo(challenge, 'device-0002')],
      'AGENT_UNKNOWN',
      'run on the device: `npx bespoke agent pair URL CODE`',
    ],
    [
      "another agent's signature",
      () => [(challenge) => helloTo(challenge, device.id, newKey())],
      'AGENT_PROOF_INVALID',
      'expected a signature by the key of agent device-0001',
    ],
    ['no hello', () => [{ type: 'ready' }], 'MESSAGE_INVALID', 'expected hello or pair first, but got ready'],
    ['a second hello', () => [helloTo, helloTo], 'MESSAGE_INVALID', 'hello is said once'],
    ['an unknown message', () => [helloTo, { type: 'shell', command: 'ls' }], 'MESSAGE_INVALID', 'but got "shell"'],
    ['a bad field', () => [helloTo, { type: 'heartbeat', sequence: -1 }], 'MESSAGE_INVALID', 'at $.sequence'],
    ['bytes', () => [Buffer.from([0xff, 0xfe])], 'MESSAGE_INVALID', 'expected JSON in UTF-8'],
  ] as const satisfies readonly (readonly [string, () => readonly Said[], string, string])[])(
    'refuses %s with a sentence, closes, and lives on',
    async (_, messages, code, sentence) => {
      const cloud = await testCloud();
      letIn(cloud);
      const bad = await agentSaying(cloud, ...messages());
      await until('it is closed', () => bad.closed);
      expect(bad.closed).toBe(1008);
      expect(bad.messages.at(-1)).toMatchObject({ type: 'refused', code, message: expect.stringContaining(sentence) });
      const good = await agentSaying(cloud, helloTo);
      await until('another is welcome', () => good.messages.length > 0);
      const fileToken = expect.stringMatching(/^[\w-]{43}$/);
      expect(good.messages[0]).toEqual({ type: 'welcome', deviceId: device.id, heartbeatMs: 15_000, fileToken });
    },
  );

  it('closes a message over the limit, a page of another site, and one that says nothing', async () => {
    const cloud = await testCloud({ helloTimeoutMs: 1000 });
    const large = await agentSaying(cloud, 'x'.repeat(2 ** 20 + 1));
    const silent = await agentSaying(cloud);
    const page = dial(`${cloud.agentUrl}/agent`, { origin: 'http://evil.example' });
    await until('all are closed', () => large.closed && silent.closed && page.error);
    expect([large.closed, silent.closed, page.error]).toEqual([1009, 1008, 'Unexpected server response: 403']);
    expect(silent.messages).toMatchObject([{ type: 'refused', code: 'AGENT_SILENT' }]);
  });

  it('takes an agent that falls silent for dead, and its job back', async () => {
    const cloud = await testCloud({ heartbeatMs: 20 });
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo, { type: 'ready' });
    await until('it is welcome', () => agent.messages.length > 0);
    const stop = new AbortController();
    const campaign = cloud.ensureMeasured(device.id, runtime, [workload(0)], { signal: stop.signal });
    await until('it is cut off', () => agent.closed);
    expect(cloud.registry.view(device)).toMatchObject({ online: false, currentJob: null, pendingCount: 1 });
    stop.abort(new Error('enough'));
    await expect(campaign).rejects.toThrow('enough');
  });

  it('acknowledges a result that came before, and a job that it does not know', async () => {
    const cloud = await testCloud();
    letIn(cloud);
    const agent = await agentSaying(cloud, helloTo, { type: 'ready' });
    answerSentinels(agent);
    await until('it is welcome', () => agent.messages.length > 0);
    const campaign = cloud.ensureMeasured(device.id, runtime, [workload(0)]);
    const { jobId, leaseId } = await until('a job comes', () => jobsOf(agent)[0]);
    const result = { type: 'result', jobId, leaseId, outcome: success(2) };
    for (const message of [result, result, { ...result, jobId: 'job-unknown' }])
      agent.socket.send(JSON.stringify(message));
    const acknowledged = () =>
      (agent.messages as CloudMessage[]).filter((message) => message.type === 'resultAck').map((ack) => ack.jobId);
    await until('all are acknowledged', () => acknowledged().length === 4);
    expect(acknowledged().slice(1)).toEqual([jobId, jobId, 'job-unknown']);
    agent.socket.send(JSON.stringify({ type: 'ready' }));
    const [key] = [...(await campaign).keys()];
    expect(cloud.store.latencies.measurements(device.id, runtime, key!)).toHaveLength(1);
  });
});

describe('startCloud', () => {
  it('says which port is taken and what to do', async () => {
    const { config, url } = await testCloud();
    const port = Number(new URL(url).port);
    await expect(testCloud({ port })).rejects.toThrow(
      `expected port ${port} of ${config.host} to be free, but another program listens there; stop it or choose another port, e.g. --port ${port + 1}`,
    );
  });

  it('refuses a folder that another cloud uses, and a setting out of range', async () => {
    const { config } = await testCloud();
    await expect(testCloud({ dataDirectory: config.dataDirectory })).rejects.toThrow(
      /to be free, but another cloud runs on it/,
    );
    await expect(testCloud({ maxAttempts: 0 })).rejects.toThrow(/^setting \$\.maxAttempts: /);
  });
});
