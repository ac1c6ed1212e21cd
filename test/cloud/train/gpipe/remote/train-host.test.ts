import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { dialHost } from '@bespoke/cloud/train/gpipe/remote/dial-host.js';
import { hostLimits, type ToHost } from '@bespoke/cloud/train/gpipe/remote/host-messages.js';
import { isProof, newToken, proofOf } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import { startTrainHost, type TrainHostSettings } from '@bespoke/cloud/train/gpipe/remote/train-host.js';
import { AppError } from '@bespoke/shared/base/errors.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { temporaryFolder } from '../../../../support/folder.js';
import { openPipeline, stateOf, trainAlone } from '../arithmetic.js';
import { type Host, placed, startHost } from './hosts.js';

const two = { stageCount: 2, microBatchCount: 2 } as const;

const settings = (changes: Partial<TrainHostSettings>): TrainHostSettings => ({
  listen: { host: '127.0.0.1', port: 0 },
  token: newToken(),
  runDirectory: temporaryFolder(),
  datasetDirectory: temporaryFolder(),
  program: { module: 'file:///nowhere', parseOptions: () => ({}) },
  ...changes,
});

async function start(changes: Partial<TrainHostSettings>) {
  const host = await startTrainHost(settings(changes));
  onTestFinished(() => host.close());
  return host;
}

/** A connection that has said nothing yet, with the host's challenge. */
async function reach({ address }: Host): Promise<{ socket: WebSocket; nonce: string }> {
  const socket = new WebSocket(`ws://127.0.0.1:${address.port}`);
  socket.on('error', () => {}); // its close is waited for
  const [challenge] = (await once(socket, 'message')) as [Buffer];
  return { socket, nonce: JSON.parse(String(challenge)).nonce };
}

/** A connection of a coordinator that has proved itself. */
function admitted({ address }: Host): Promise<WebSocket> {
  return dialHost(address, 2000, new AbortController().signal);
}

/** Says it; gives what the host said until it closed the connection. */
async function saidUntilClosed(socket: WebSocket, ...messages: (string | Uint8Array)[]): Promise<string[]> {
  const heard: string[] = [];
  socket.on('message', (bytes) => heard.push(String(bytes)));
  const closed = once(socket, 'close');
  for (const message of messages) socket.send(message);
  await closed;
  return heard;
}

/** Processes that the host has started. */
function childrenOf({ program: { pid } }: Host): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
}

async function trains(host: Host): Promise<void> {
  const { pipeline, faults } = await openPipeline(two, { stages: placed(two, [null, host]) });
  await pipeline.runStep();
  expect(await stateOf(pipeline, 2)).toEqual(await trainAlone(2, 1));
  expect(faults).toEqual([]);
}

const call = (rest: object): string =>
  JSON.stringify({ type: 'call', id: 1, timeoutMs: 1000, ...rest } satisfies object);
const opening = {
  stage: 0,
  stageCount: 2,
  run: 'run-00001',
  linkSecret: '0'.repeat(32),
  options: { from: 0, to: 3, blockCount: 6 },
  snapshotEvery: 1,
  operationTimeoutMs: 1000,
  threadCount: 1,
  from: null,
  data: null,
};

describe('startTrainHost', () => {
  it('listens on this machine alone, unless more is asked for by name', async () => {
    const listen = { host: '0.0.0.0', port: 0 };
    await expect(startTrainHost(settings({ listen }))).rejects.toMatchObject({
      code: 'PLAIN_REFUSED',
      message: expect.stringContaining('listen on 127.0.0.1, or allow it by name with --insecure-plain'),
    });
    expect((await start({ listen, insecurePlain: true })).address).toMatchObject({ host: '0.0.0.0' });
  });

  it('says which port is taken, and which address is none of this machine', async () => {
    const { address } = await start({});
    await expect(startTrainHost(settings({ listen: address }))).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    const listen = { host: '203.0.113.7', port: 0 };
    await expect(startTrainHost(settings({ listen, insecurePlain: true }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { path: '--listen' },
    });
  });

  it('removes at its start what runs left behind that nobody came back for', async () => {
    const runDirectory = temporaryFolder();
    for (const run of ['old', 'new']) mkdirSync(join(runDirectory, run, 'stage-0'), { recursive: true });
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    utimesSync(join(runDirectory, 'old', 'stage-0'), twoDaysAgo, twoDaysAgo);
    await start({ runDirectory });
    expect(readdirSync(runDirectory)).toEqual(['new']);
  });

  it('starts nothing for who does not prove to hold the token: a wrong proof, one of another connection, none', async () => {
    const host = await startHost();
    const nonce = newToken();
    const hello = (token: string, challenge: string) =>
      JSON.stringify({
        type: 'hello',
        nonce,
        proof: proofOf(token, 'coordinator', { host: challenge, coordinator: nonce }),
      });
    const attempts = [
      (challenge: string) => hello(newToken(), challenge),
      () => hello(host.address.token, newToken()), // as recorded elsewhere
      () => call({ call: 'open', argument: opening }),
      () => 'GET / HTTP/1.1',
      () => '['.repeat(100_000),
      () => 'x'.repeat(hostLimits.toHostBytes + 1),
    ];
    for (const attempt of attempts) {
      const { socket, nonce: challenge } = await reach(host);
      const heard = await saidUntilClosed(socket, attempt(challenge), call({ call: 'open', argument: opening }));
      expect(heard.filter((message) => !message.includes('"type":"refused"'))).toEqual([]);
    }
    expect(childrenOf(host)).toBe('');
    await trains(host);
  });

  it('proves in its turn that it holds the token', async () => {
    const host = await startHost();
    const { socket, nonce } = await reach(host);
    const nonces = { host: nonce, coordinator: newToken() };
    const proof = proofOf(host.address.token, 'coordinator', nonces);
    const answer = once(socket, 'message');
    socket.send(JSON.stringify({ type: 'hello', nonce: nonces.coordinator, proof }));
    const welcome = JSON.parse(String((await answer)[0]));
    expect(welcome.type).toBe('welcome');
    expect(isProof(welcome.proof, host.address.token, 'host', nonces)).toBe(true);
    expect(isProof(welcome.proof, host.address.token, 'coordinator', nonces)).toBe(false);
    socket.terminate();
  });

  it('lets no page of a browser in', async () => {
    const host = await startHost();
    const socket = new WebSocket(`ws://127.0.0.1:${host.address.port}`, { origin: 'http://127.0.0.1:8420' });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('401');
  });

  it('closes a connection that says what the protocol does not have, also after the proof, and goes on', async () => {
    const host = await startHost();
    const pull: ToHost = { type: 'pull', offset: 0 };
    const messages: readonly (string | Uint8Array)[] = [
      'garbage',
      '{"type":"shell","command":"id"}',
      JSON.stringify({ type: 'ping', id: 1, more: true }),
      JSON.stringify(pull), // nothing was saved
      JSON.stringify({ type: 'hello', nonce: newToken(), proof: newToken() }),
      Uint8Array.of(1, 2, 3), // a piece that nobody asked for
      'x'.repeat(hostLimits.toHostBytes + 1),
    ];
    for (const message of messages) expect(await saidUntilClosed(await admitted(host), message)).toEqual([]);
    const plain = connect(host.address.port, '127.0.0.1', () => plain.write('\0'.repeat(1000)));
    await once(plain.resume(), 'close');
    expect(childrenOf(host)).toBe('');
    await trains(host);
  });

  it('ends the connection of a coordinator that is silent: its machine may have lost its power', async () => {
    const token = newToken();
    const { address } = await start({ token, silenceMs: 200 });
    const socket = await dialHost({ ...address, token }, 2000, new AbortController().signal);
    const pings = setInterval(() => socket.send('{"type":"ping","id":1}'), 50);
    let pongCount = 0;
    socket.on('message', () => {
      if (++pongCount === 10) clearInterval(pings); // after half a second
    });
    await once(socket, 'close');
    expect(pongCount).toBe(10);
  });

  it('refuses calls whose arguments are out of order or range, and the name of a module above all', async () => {
    const host = await startHost();
    const socket = await admitted(host);
    onTestFinished(() => socket.terminate());
    const failure = async (rest: object) => {
      const heard = once(socket, 'message');
      socket.send(call(rest));
      return JSON.parse(String((await heard)[0])).problem as string;
    };
    expect(await failure({ call: 'commit', argument: { step: 1, figures: {} } })).toContain('open comes first');
    const open = (changes: object) => failure({ call: 'open', argument: { ...opening, ...changes } });
    expect(await open({ module: 'file:///evil.mjs' })).toContain('Unrecognized key: "module"');
    expect(await open({ run: '../../etc' })).toContain('open.argument $.run');
    expect(await open({ threadCount: 1e6 })).toContain('open.argument $.threadCount');
    expect(await open({ directory: '/etc' })).toContain('Unrecognized key: "directory"');
    expect(childrenOf(host)).toBe('');
  });

  it('opens no folder that a coordinator names: data are its own copy, or none', async () => {
    const token = newToken();
    const given: unknown[] = [];
    const parseOptions = (json: unknown): never => {
      given.push(json);
      throw new AppError('MESSAGE_INVALID', { path: 'options', problem: 'enough' });
    };
    const { address } = await start({ token, program: { module: 'file:///nowhere', parseOptions } });
    const socket = await dialHost({ ...address, token }, 2000, new AbortController().signal);
    onTestFinished(() => socket.terminate());
    const heard = once(socket, 'message');
    socket.send(call({ call: 'open', argument: { ...opening, options: { dataDirectory: '/etc', seed: 1 } } }));
    expect(JSON.parse(String((await heard)[0])).problem).toContain('enough');
    expect(given).toEqual([{ dataDirectory: undefined, seed: 1 }]);
  });

  it('has one process at most for a stage of a run: a new connection ends the one before', async () => {
    const host = await startHost();
    const opened = async (socket: WebSocket) => {
      const heard = once(socket, 'message');
      socket.send(call({ call: 'open', argument: opening, timeoutMs: 10_000 }));
      return JSON.parse(String((await heard)[0])).answer.processId as number;
    };
    const [first, second] = [await admitted(host), await admitted(host)];
    onTestFinished(() => second.terminate());
    const firstClosed = once(first, 'close');
    await opened(first);
    const processId = await opened(second);
    await firstClosed;
    expect(childrenOf(host).trim()).toBe(`${processId}`);
  });
});
