/**
 * The HTTP server: who may do what, the dashboard's files, and one shape for every failure.
 *
 *   POST /api/session {token}        one-time token ─▶ session cookie
 *   *    /api/artifacts/:sha256      a connected agent's file token
 *   *    /api/…                      a session
 *   GET  /…                          the dashboard's files; they hold no secrets
 *
 * No address holds a secret: the printed one has the token behind a #, which browsers keep to themselves.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { AppError } from '@bespoke/shared/base/errors.js';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { CloudConfig } from '../config.js';
import { type Access, requireOwnOrigin } from './access.js';
import { type ApiParts, addApiRoutes, parseInput } from './api.js';
import { failureOf } from './failure.js';

/** The largest body of a call. */
const maxBodyBytes = 2 ** 20;

const securityHeaders = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

export interface HttpParts extends ApiParts {
  readonly access: Access;
  readonly config: Pick<CloudConfig, 'dashboardDirectory' | 'tls'>;
  readonly log: Logger;
}

const loginBody = z.strictObject({ token: z.string().min(1).max(200) });

/** Builds the server; it does not listen yet. Throws `TLS_FILE_INVALID`. */
export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { access, agentAccess, store, log, config } = parts;
  const options = { logger: false, bodyLimit: maxBodyBytes, forceCloseConnections: true } as const;
  const app = (config.tls ? fastify({ ...options, https: readTls(config.tls) }) : fastify(options)) as FastifyInstance;
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = failureOf(error);
    if (status >= 500) log.error({ error, url: request.routeOptions.url }, 'a call failed unexpectedly');
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((request) => {
    throw new AppError('NOT_FOUND', { what: 'page', id: request.url.split('?')[0]! });
  });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(securityHeaders));

  app.post('/api/session', async ({ headers, body }, reply) => {
    requireOwnOrigin(headers);
    return reply
      .status(204)
      .header('set-cookie', access.login(parseInput(loginBody, body).token))
      .send();
  });
  app.get<{ Params: { sha256: string } }>('/api/artifacts/:sha256', async ({ params, headers }, reply) => {
    agentAccess.requireFileToken(headers.authorization?.replace(/^Bearer /, '') ?? '');
    return reply.type('application/octet-stream').send(store.artifacts.read(params.sha256));
  });
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => access.requireSession(request.headers));
    scope.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    addApiRoutes(scope, parts);
  });
  await addDashboard(app, config.dashboardDirectory);
  return app;
}

async function addDashboard(app: FastifyInstance, directory: string): Promise<void> {
  if (existsSync(directory)) await app.register(fastifyStatic, { root: resolve(directory) });
  else app.get('/', async () => 'The dashboard is not built; run: npm run build\n');
}

/** The files' contents, proven to belong together. Throws `TLS_FILE_INVALID`. */
function readTls({ certPath, keyPath }: NonNullable<CloudConfig['tls']>): { cert: Buffer; key: Buffer } {
  const read = (path: string, check: (content: Buffer) => unknown) => {
    try {
      const content = readFileSync(path);
      check(content);
      return content;
    } catch (cause) {
      throw new AppError('TLS_FILE_INVALID', { path, problem: (cause as Error).message }, { cause });
    }
  };
  const cert = read(certPath, (content) => createSecureContext({ cert: content }));
  return { cert, key: read(keyPath, (key) => createSecureContext({ cert, key })) };
}
