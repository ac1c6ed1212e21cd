/**
 * A small HTTP and WebSocket server that stands in for the cloud in picture tests of the dashboard, and only there: it
 * hands out the built dashboard under the cloud's policy and says whatever the test puts into it. That the real cloud
 * says the same is tested end to end elsewhere.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type {
  ApiEvent,
  DeviceView,
  LatencyView,
  MeasurementView,
  PredictorView,
  SentinelPoint,
  StudyDetail,
  StudyView,
} from '@bespoke/shared/protocol/api.js';
import { type WebSocket, WebSocketServer } from 'ws';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const cookie = 'session=fixture';

/** What the server answers with; a test changes it and then says so by `push`. */
export interface Story {
  devices: DeviceView[];
  latencies: LatencyView[];
  studies: StudyDetail[];
  /** By workload key; of whichever device and runtime. */
  measurements: (key: string) => MeasurementView[];
  /** Of whichever device. */
  sentinel: SentinelPoint[];
  predictors: PredictorView[];
  /** How long pairing codes live. */
  codeMs: number;
}

export class FixtureServer {
  readonly story: Story = {
    devices: [],
    latencies: [],
    studies: [],
    measurements: () => [],
    sentinel: [],
    predictors: [],
    codeMs: 600_000,
  };
  /** What was asked of studies: the last part of the path, and the body. */
  readonly asked: (readonly [part: string, body: string])[] = [];
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });

  constructor(private readonly distPath: string) {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.stack));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      if (!signedIn(request)) return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      this.#sockets.handleUpgrade(request, socket, head, () => undefined);
    });
  }

  /** Listens on `port` (0: any) and returns the address. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get clients(): ReadonlySet<WebSocket> {
    return this.#sockets.clients;
  }

  push(...events: readonly ApiEvent[]): void {
    for (const event of events) for (const client of this.clients) client.send(JSON.stringify(event));
  }

  /** Cuts every connection and stops listening. */
  async close(): Promise<void> {
    for (const client of this.clients) client.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://localhost');
    if (url.pathname === '/api/session') {
      const { token } = JSON.parse(await textOf(request)) as { token: string };
      if (token !== 'fixture') return void response.writeHead(401).end('{}');
      response.writeHead(204, { 'set-cookie': `${cookie}; HttpOnly; SameSite=Strict; Path=/` }).end();
    } else if (url.pathname.startsWith('/api/')) {
      await this.#answerCall(request, response, url);
    } else {
      await this.#answerFile(response, url.pathname);
    }
  }

  async #answerCall(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const send = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (!signedIn(request))
      return void send(401, { code: 'SESSION_UNKNOWN', message: 'expected a session cookie, but got none' });
    const [noun, id, part] = url.pathname.split('/').slice(2).map(decodeURIComponent);
    const study = this.story.studies.find((each) => each.id === id);
    if (noun === 'pairing-codes')
      return void send(200, { code: '7KQ2-M9XR', expiresAt: new Date(Date.now() + this.story.codeMs).toISOString() });
    if (part === 'revoke') return void send(200, this.#revoke(id!));
    if (request.method === 'POST' && id === undefined) return void this.#start(await textOf(request), send);
    if (noun === 'devices') return void send(200, this.#ofDevice(id, part, url.searchParams.get('key')));
    if (id === undefined) return void send(200, this.story.studies.map(viewOf));
    if (study && request.method === 'POST') this.asked.push([part!, await textOf(request)]);
    if (!study) return void send(404, { code: 'STUDY_UNKNOWN', message: `no study has the id "${id}"` });
    if (part === 'model') {
      response.writeHead(200, { 'content-disposition': `attachment; filename="${study.name}.tflite"` }).end('TFL3');
    } else if (part === 'cancel') {
      const cancelled: StudyDetail = { ...study, status: 'cancelled' };
      this.story.studies = this.story.studies.map((each) => (each === study ? cancelled : each));
      send(200, viewOf(cancelled));
      this.push({ type: 'study', study: viewOf(cancelled) });
    } else send(200, study);
  }

  #revoke(id: string): DeviceView {
    const device: DeviceView = { ...this.story.devices.find((each) => each.id === id)!, online: false, revoked: true };
    this.push({ type: 'device', device });
    return device;
  }

  #ofDevice(id: string | undefined, part: string | undefined, key: string | null): unknown {
    const { devices, latencies, measurements, sentinel, predictors } = this.story;
    if (part === 'latencies') return latencies.filter(({ deviceId }) => deviceId === id);
    if (part === 'measurements') return measurements(key!);
    if (part === 'sentinel') return sentinel;
    return part === 'predictors' ? predictors : devices;
  }

  #start(body: string, send: (status: number, value: unknown) => void): void {
    const { yaml } = JSON.parse(body) as { yaml: string };
    const line = yaml.split('\n').findIndex((text) => text.startsWith('sede:')) + 1;
    if (line === 0) send(200, viewOf(this.story.studies[0]!));
    else
      send(400, {
        code: 'SPEC_KEY_UNKNOWN',
        message: `study specification, line ${line}: expected a key of the specification, but got "sede"; did you mean "seed"?`,
      });
  }

  async #answerFile(response: ServerResponse, path: string): Promise<void> {
    const file = join(this.distPath, normalize(path === '/' ? '/index.html' : path));
    try {
      const bytes = await readFile(file);
      response.writeHead(200, {
        'content-type': contentTypes[extname(file)] ?? 'application/octet-stream',
        'content-security-policy': "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end(`nothing at ${path}`);
    }
  }
}

function signedIn(request: IncomingMessage): boolean {
  return request.headers.cookie?.includes(cookie) ?? false;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** The part of a study that lists show. */
export function viewOf({
  specYaml: _1,
  slots: _2,
  probabilities: _3,
  searchPoints: _4,
  trainPoints: _5,
  evolution: _6,
  pipeline: _7,
  network: _8,
  log: _9,
  ...view
}: StudyDetail): StudyView {
  return view;
}
