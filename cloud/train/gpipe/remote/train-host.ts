/**
 * The training host: a process that runs stages on this machine for coordinators on others. Who holds its token may have it compute, with the one module that it was started
 * with; nobody may name another. Every connection is one stage, which ends with it.
 */
import { once } from 'node:events';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { type HostPort, isLoopback } from '@bespoke/shared/protocol/address.js';
import { type WebSocket, WebSocketServer } from 'ws';
import { HostDatasets } from './host-datasets.js';
import { decodeToHost, encodeMessage, type FromHost, hostLimits, trainHostVersion } from './host-messages.js';
import { isProof, newNonce, proofOf } from './host-proof.js';
import { HostedStage, type StageProgram, type Workplace } from './hosted-stage.js';

export interface TrainHostSettings {
  /** Also where stages listen for their neighbours, on any free port. Port 0 is any free one. */
  readonly listen: HostPort;
  /** Allows to listen beyond this machine: nothing that goes over the network is encrypted. */
  readonly insecurePlain?: boolean | undefined;
  readonly token: string;
  /** The folder of runs, and that of packed data sets. */
  readonly runDirectory: string;
  readonly datasetDirectory: string;
  readonly program: StageProgram;
  /** A coordinator that has said nothing for so long is gone, and its stages end. 60 s where absent: it may compute for a while without a turn of its event loop. */
  readonly silenceMs?: number | undefined;
}

export interface TrainHost {
  readonly address: HostPort;
  /** Ends all stages. */
  close(): Promise<void>;
}

/** The files of a run that nobody came back for are kept for so long, and looked for so often. */
const [keptMs, sweepEveryMs] = [86_400_000, 3_600_000];

/** Throws `PLAIN_REFUSED`, `PORT_IN_USE`, `CONFIG_INVALID`. */
export async function startTrainHost(settings: TrainHostSettings): Promise<TrainHost> {
  const { listen, insecurePlain, token, runDirectory, datasetDirectory, program, silenceMs = 60_000 } = settings;
  if (!insecurePlain && !isLoopback(listen.host))
    throw new AppError('PLAIN_REFUSED', { address: listen.host, remedy: 'listen on 127.0.0.1' });
  const workplace: Workplace = {
    program,
    directory: runDirectory,
    datasets: new HostDatasets(datasetDirectory),
    listenHost: listen.host,
    silenceMs,
    stages: new Map(),
  };
  const { server, sockets } = createSockets();
  sockets.on('connection', (socket) => void serve(socket, token, workplace));
  await sweep(workplace);
  const address = await listenOn(server, listen);
  const sweeping = setInterval(() => void sweep(workplace).catch(() => {}), sweepEveryMs); // what is being removed by its stage is gone for the sweep
  return {
    address,
    async close() {
      clearInterval(sweeping);
      await Promise.all([...workplace.stages.values()].map((stage) => stage.end()));
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function createSockets(): { server: Server; sockets: WebSocketServer } {
  const server = createServer((_, response) => response.writeHead(426, { connection: 'close' }).end());
  server.maxConnections = hostLimits.connectionCount;
  server.headersTimeout = hostLimits.helloTimeoutMs;
  const sockets = new WebSocketServer({
    server,
    maxPayload: hostLimits.toHostBytes,
    perMessageDeflate: false,
    verifyClient: ({ origin }: { origin?: string }) => origin === undefined, // no page of a browser speaks this
  });
  sockets.on('error', () => {}); // also the server's, which is listened to below
  return { server, sockets };
}

async function serve(socket: WebSocket, token: string, workplace: Workplace): Promise<void> {
  socket.on('error', () => {}); // its close is heard
  const problem = await greet(socket, token).catch((error: Error) =>
    isAppError(error) ? error.message : 'no hello came in time',
  );
  if (problem === null) new HostedStage(socket, workplace);
  else socket.send(encodeMessage({ type: 'refused', problem }), () => socket.terminate());
}

/** Why who connected is not let in; null where it has proved to hold the token. Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`. */
async function greet(socket: WebSocket, token: string): Promise<string | null> {
  const say = (message: FromHost) => socket.send(encodeMessage(message));
  const said = once(socket, 'message', { signal: AbortSignal.timeout(hostLimits.helloTimeoutMs) });
  const nonce = newNonce();
  say({ type: 'challenge', version: trainHostVersion, nonce });
  const hello = decodeToHost(((await said) as [Buffer])[0]);
  if (hello.type !== 'hello') return `it was told ${hello.type} before hello`;
  const nonces = { host: nonce, coordinator: hello.nonce };
  if (!isProof(hello.proof, token, 'coordinator', nonces))
    return 'it has another token; copy what `bespoke train-host` printed there into the token file';
  say({ type: 'welcome', proof: proofOf(token, 'host', nonces) });
  return null;
}

async function listenOn(server: Server, { host, port }: HostPort): Promise<HostPort> {
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new AppError('PORT_IN_USE', { host, port }, { cause });
    const problem = `${message}; give an address of this machine`;
    throw new AppError('CONFIG_INVALID', { path: '--listen', problem }, { cause });
  }
  return { host, port: (server.address() as AddressInfo).port };
}

/** Removes the files of runs that came to no end, for their coordinator was killed, and of which no stage is here now. */
async function sweep({ directory, stages: present }: Workplace): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const run of await readdir(directory, { withFileTypes: true })) {
    const folder = join(directory, run.name);
    if (!run.isDirectory() || [...present.keys()].some((base) => dirname(base) === folder)) continue;
    const stages = await readdir(folder);
    const changesMs = await Promise.all(stages.map(async (name) => (await stat(join(folder, name))).mtimeMs));
    if (Date.now() - Math.max(...changesMs, 0) > keptMs) await rm(folder, { recursive: true });
  }
}
