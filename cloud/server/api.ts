/** The calls of the dashboard: one handler per row of ApiCalls, and the download of a model. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { runtimeKeySchema } from '@bespoke/shared/latency/table.js';
import {
  type ApiCalls,
  type EstimateView,
  type StoppablePhase,
  type StudyView,
  stoppablePhases,
} from '@bespoke/shared/protocol/api.js';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Registry } from '../fleet/registry.js';
import type { Store } from '../store/store.js';
import { type AgentAccess, newPairingCode } from './agent-access.js';

/** Runs studies; the composer gives it. Both may throw any AppError: the caller gets its sentence. */
export interface StudyService {
  /** Starts a study from a specification in YAML. */
  create(yaml: string): Promise<StudyView>;
  /** What a specification's study would have to measure on a device. */
  estimate(yaml: string, deviceId: string): Promise<EstimateView>;
  /** The specification, in YAML, of a study that judges the individuals of `id` anew. */
  rejudging(id: string): string;
  /** Asks a running study to stop; gives it as it is then. */
  cancel(id: string): Promise<StudyView>;
  /** Lets a running study rest. */
  pause(id: string): StudyView;
  /** Goes on with a paused study. */
  resume(id: string): StudyView;
  /** Ends a running study's search or training with what it has, where that is the phase under way. */
  stop(id: string, phase: StoppablePhase): StudyView;
}

export interface ApiParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly studies: StudyService;
  readonly agentAccess: AgentAccess;
}

type Call = keyof ApiCalls;
type Handlers = {
  readonly [C in Call]: (input: {
    id: string;
    query: unknown;
    body: unknown;
  }) => ApiCalls[C]['result'] | Promise<ApiCalls[C]['result']>;
};

/** The longest specification. */
export const maxYamlLength = 200_000;
const studyBody = z.strictObject({ yaml: z.string().min(1).max(maxYamlLength) });
const stopBody = z.strictObject({ phase: z.enum(stoppablePhases) });

const measurementsQuery = z.strictObject({
  runtime: z
    .string()
    .max(500)
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue('expected a runtime key as JSON');
        return z.NEVER;
      }
    })
    .pipe(runtimeKeySchema),
  key: z.string().min(1).max(100),
});

function handlersOf({ store, registry, studies, agentAccess }: ApiParts): Handlers {
  const knownId = (id: string) => found('device', id, store.devices.get(id)).id;
  const knownStudy = (id: string) => found('study', id, store.studies.get(id)).id;
  return {
    'GET /api/devices': () => store.devices.all().map((device) => registry.view(device)),
    'GET /api/devices/:id/latencies': ({ id }) => {
      const deviceId = knownId(id);
      return [...store.latencies.list(deviceId), ...store.imported.list(deviceId)];
    },
    'GET /api/devices/:id/measurements': ({ id, query }) => {
      const { runtime, key } = parseInput(measurementsQuery, query);
      return store.latencies.measurements(knownId(id), runtime, key);
    },
    'GET /api/devices/:id/sentinel': ({ id }) => store.blocks.readings(knownId(id)),
    'GET /api/devices/:id/predictors': ({ id }) => store.predictors.list(knownId(id)),
    'POST /api/devices/:id/estimate': ({ id, body }) => studies.estimate(parseInput(studyBody, body).yaml, knownId(id)),
    'POST /api/pairing-codes': () => newPairingCode(store.secrets),
    'POST /api/devices/:id/revoke': ({ id }) => {
      agentAccess.revoke(knownId(id));
      return registry.view(store.devices.get(id)!);
    },
    'GET /api/studies': () => store.studies.all(),
    'GET /api/studies/:id': ({ id }) => found('study', id, store.studies.detail(id)),
    'GET /api/studies/:id/rejudging': ({ id }) => ({ yaml: studies.rejudging(knownStudy(id)) }),
    'POST /api/studies': ({ body }) => studies.create(parseInput(studyBody, body).yaml),
    'POST /api/studies/:id/cancel': ({ id }) => studies.cancel(knownStudy(id)),
    'POST /api/studies/:id/pause': ({ id }) => studies.pause(knownStudy(id)),
    'POST /api/studies/:id/resume': ({ id }) => studies.resume(knownStudy(id)),
    'POST /api/studies/:id/stop': ({ id, body }) => studies.stop(knownStudy(id), parseInput(stopBody, body).phase),
  };
}

/** Adds the routes; who may call them is the caller's matter. */
export function addApiRoutes(app: FastifyInstance, parts: ApiParts): void {
  for (const [call, handler] of Object.entries(handlersOf(parts))) {
    const [method, url] = call.split(' ') as ['GET' | 'POST', string];
    app.route<{ Params: { id: string } }>({
      method,
      url,
      handler: async ({ params, query, body }) => handler({ id: params.id, query, body }),
    });
  }
  app.get<{ Params: { id: string } }>('/api/studies/:id/model', async ({ params: { id } }, reply) => {
    const study = found('study', id, parts.store.studies.get(id));
    const model = parts.store.artifacts.read(found('model of study', id, parts.store.studies.model(id) ?? undefined));
    const name = study.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
    return reply
      .header('content-disposition', `attachment; filename="${name}.tflite"`)
      .type('application/octet-stream')
      .send(model);
  });
}

function found<T>(what: string, id: string, value: T | undefined): T {
  if (value === undefined) throw new AppError('NOT_FOUND', { what, id });
  return value;
}

/** Throws `REQUEST_INVALID` with the path of the bad field. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new AppError('REQUEST_INVALID', { path: formatPath(issue.path), problem: issue.message });
}
