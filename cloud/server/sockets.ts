/** Where WebSockets come in: `/agent` and `/api/events`. Checks origin and session before anything is upgraded. */
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError } from '@bespoke/shared/base/errors.js';
import { maxMessageBytes } from '@bespoke/shared/protocol/agent.js';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Access, requireOwnOrigin } from './access.js';
import { type AgentParts, serveAgent } from './agents.js';
import type { EventHub } from './events.js';
import { failureOf } from './failure.js';

/** Sockets of both kinds at one time. */
const maxSocketCount = 12_000;

/** Serves the upgrades of `server`; returns what closes all sockets. */
export function serveSockets(
  server: Server,
  parts: AgentParts & { readonly access: Access; readonly events: EventHub },
): () => void {
  // Dashboards only listen, but share the limit: nothing that they may send is longer.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
  const routes = {
    '/agent': {
      require: (request: IncomingMessage) => requireOwnOrigin(request.headers),
      serve: (socket: WebSocket, duplex: Duplex) => serveAgent(socket, duplex, parts),
    },
    '/api/events': {
      require: (request: IncomingMessage) => parts.access.requireSession(request.headers),
      serve: (socket: WebSocket) => parts.events.attach(socket),
    },
  };
  server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    duplex.on('error', () => duplex.destroy());
    try {
      const path = new URL(request.url ?? '/', 'http://cloud').pathname;
      if (!Object.hasOwn(routes, path)) throw new AppError('NOT_FOUND', { what: 'socket', id: path });
      if (sockets.clients.size >= maxSocketCount)
        throw new AppError('REQUEST_INVALID', { path, problem: `${maxSocketCount} connections are open` });
      const route = routes[path as keyof typeof routes];
      route.require(request);
      sockets.handleUpgrade(request, duplex, head, (socket) => route.serve(socket, duplex));
    } catch (error) {
      refuseUpgrade(duplex, error);
    }
  });
  return () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  };
}

function refuseUpgrade(duplex: Duplex, error: unknown): void {
  const { status, body } = failureOf(error);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  duplex.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
