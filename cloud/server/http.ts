/**
 * The HTTP server: who may do what, the dashboard's files, and one shape for every failure.
 *
 *   GET  /?token=…, /login?token=…   one-time token ─▶ session cookie, then /
 *   *    /api/artifacts/:sha256      an agent's token
 *   *    /api/…                      a session
 *   GET  /…                          the dashboard's files; they hold no secrets
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Access } from './access.js';
import { type ApiParts, addApiRoutes } from './api.js';
import { failureOf } from './failure.js';

/** The largest body of a call. */
const maxBodyBytes = 2 ** 20;

const securityHeaders = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer', // the one-time token is part of an address
};

export interface HttpParts extends ApiParts {
  readonly access: Access;
  readonly dashboardDirectory: string;
  readonly log: Logger;
}

/** Builds the server; it does not listen yet. */
export async function createHttp(parts: HttpParts): Promise<FastifyInstance> {
  const { access, store, log } = parts;
  const app: FastifyInstance = fastify({ logger: false, bodyLimit: maxBodyBytes, forceCloseConnections: true });
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = failureOf(error);
    if (status >= 500) log.error({ error, url: request.routeOptions.url }, 'a call failed unexpectedly');
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((request) => {
    throw new AppError('NOT_FOUND', { what: 'page', id: request.url.split('?')[0]! });
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const { pathname, searchParams } = new URL(request.url, 'http://cloud');
    const token = searchParams.get('token');
    if (token === null || (pathname !== '/' && pathname !== '/login')) return;
    // A session that opens the printed address again is let in: the token is used, but so is its owner known.
    if (!access.hasSession(request.headers)) reply.header('set-cookie', access.login(token));
    return reply.redirect('/', 303);
  });

  app.get<{ Params: { sha256: string } }>('/api/artifacts/:sha256', async ({ params, headers }, reply) => {
    access.requireAgent(headers.authorization?.replace(/^Bearer /, '') ?? '');
    return reply.type('application/octet-stream').send(store.artifacts.read(params.sha256));
  });
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => access.requireSession(request.headers));
    scope.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    addApiRoutes(scope, parts);
  });
  await addDashboard(app, parts.dashboardDirectory);
  return app;
}

async function addDashboard(app: FastifyInstance, directory: string): Promise<void> {
  if (existsSync(directory)) await app.register(fastifyStatic, { root: resolve(directory) });
  else app.get('/', async () => 'The dashboard is not built; run: npm run build\n');
}
