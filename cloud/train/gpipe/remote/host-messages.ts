/**
 * What a coordinator and a training host say to one another: JSON over one WebSocket per stage, pieces of files as binary messages. Both sides hold all that comes to these
 * schemas. The names of calls are those of StageCalls; what has a path there has a hash here, because each side has files of its own.
 *
 *   host         challenge ─▶          welcome | refused ─▶   ◀─ call …   answer | failure ─▶     pong ─▶     pull ─▶   ◀─ piece
 *   coordinator            ◀─ hello                                                        ◀─ ping    ◀─ pull   piece ─▶    ◀─ close
 *
 * A pull is answered by one piece; each side has one pull under way at most.
 */

import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import type { HostPort } from '@bespoke/shared/protocol/address.js';
import { parseJson, parseMessage } from '@bespoke/shared/protocol/codec.js';
import { z } from 'zod';
import { type DatasetManifest, manifestSchema } from '../../data/packed.js';
import { operationKinds } from '../schedule.js';
import type { SavedFile, StageCall, StageCalls, StageOpening, Standing } from '../stage-messages.js';

export const trainHostVersion = 3;

export const hostLimits = {
  /** One message to the host, or from it: a trace has every operation of a step. */
  toHostBytes: 2 ** 20,
  fromHostBytes: 2 ** 24,
  /** One piece of a file. */
  pieceBytes: 2 ** 19,
  connectionCount: 64,
  helloTimeoutMs: 10_000,
  textLength: 8000,
} as const;

export interface RemoteOpening extends Omit<StageOpening, 'module' | 'from' | 'directory' | 'address'> {
  readonly threadCount: number;
  /** Pulled as file `from`. */
  readonly from: ({ readonly step: number } & SavedFile) | null;
  /** Of the data set that `options.dataDirectory` names on the coordinator's machine; pulled as file `data` where the host has none like it. */
  readonly data: DatasetManifest | null;
}

export interface RemoteCalls extends Omit<StageCalls, 'open' | 'link' | 'save'> {
  open: { argument: RemoteOpening; answer: Standing & { readonly address: HostPort; readonly processId: number } };
  link: { argument: { readonly epoch: number; readonly next: HostPort | null }; answer: null };
  /** The file is pulled afterwards. */
  save: { argument: null; answer: SavedFile };
}

const whole = z.number().int().min(0);
const text = z.string().max(hostLimits.textLength);
const proof = z.string().min(1).max(100);
const id = whole;
const file = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), byteCount: whole });
const hostPort = z.strictObject({ host: z.string().min(1).max(255), port: whole.min(1).max(65_535) });
/** JSON has no NaN and no infinities, a diverged loss has. */
const figure = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const figures = z.record(z.string().max(200), figure);
const standing = { step: whole, kept: z.array(whole).max(16) };
const operation = { kind: z.enum(operationKinds), microBatch: whole };

/** Of each call: its argument and its answer. */
const callSchemas: {
  readonly [C in StageCall]: {
    readonly argument: z.ZodType<RemoteCalls[C]['argument']>;
    readonly answer: z.ZodType<RemoteCalls[C]['answer']>;
  };
} = {
  open: {
    argument: z.strictObject({
      stage: whole.max(255),
      stageCount: whole.min(1).max(256),
      run: z.string().regex(/^[A-Za-z0-9-]{8,64}$/),
      linkSecret: z.string().regex(/^[0-9a-f]{32}$/),
      options: z.unknown(),
      snapshotEvery: whole.min(1),
      operationTimeoutMs: whole.min(1),
      threadCount: whole.min(1).max(256),
      from: file.extend({ step: whole }).nullable(),
      data: manifestSchema.nullable(),
    }),
    answer: z.strictObject({ ...standing, address: hostPort, processId: whole }),
  },
  link: { argument: z.strictObject({ epoch: whole, next: hostPort.nullable() }), answer: z.null() },
  run: {
    argument: z.strictObject({ step: whole, operations: z.array(z.strictObject(operation)) }),
    answer: z.strictObject({
      figures,
      trace: z.array(
        z.strictObject({
          ...operation,
          kind: z.enum([...operationKinds, 'send', 'recv']),
          stage: whole,
          startMs: z.number(),
          endMs: z.number(),
        }),
      ),
    }),
  },
  commit: { argument: z.strictObject({ step: whole, figures }), answer: z.null() },
  abort: { argument: z.null(), answer: z.strictObject(standing) },
  restore: { argument: z.strictObject({ step: whole }), answer: z.null() },
  save: { argument: z.null(), answer: file },
};
const callNames = Object.keys(callSchemas) as [StageCall, ...StageCall[]];

const toHostSchemas = {
  hello: z.strictObject({ type: z.literal('hello'), nonce: proof, proof }),
  ping: z.strictObject({ type: z.literal('ping'), id }),
  call: z.strictObject({
    type: z.literal('call'),
    id,
    call: z.enum(callNames),
    argument: z.unknown(),
    timeoutMs: z.number().min(1),
  }),
  /** Of the file that was saved last. */
  pull: z.strictObject({ type: z.literal('pull'), offset: whole }),
  /** Ends the stage and forgets its snapshots, which a lost connection does not. */
  close: z.strictObject({ type: z.literal('close') }),
};

const fromHostSchemas = {
  challenge: z.strictObject({ type: z.literal('challenge'), version: whole, nonce: proof }),
  welcome: z.strictObject({ type: z.literal('welcome'), proof }),
  refused: z.strictObject({ type: z.literal('refused'), problem: text }),
  /** What the host's clock (clock.ts) says. */
  pong: z.strictObject({ type: z.literal('pong'), id, clockMs: z.number() }),
  answer: z.strictObject({ type: z.literal('answer'), id, answer: z.unknown() }),
  /** `gone` says how the stage's process ended, if it did. */
  failure: z.strictObject({
    type: z.literal('failure'),
    id,
    problem: text,
    isFault: z.boolean(),
    gone: text.nullable(),
    lastWords: text,
  }),
  pull: z.strictObject({ type: z.literal('pull'), file: z.enum(['from', 'data']), offset: whole }),
};

type MessageOf<S extends { readonly [T: string]: z.ZodType }> = { [T in keyof S]: z.infer<S[T]> }[keyof S];
export type ToHost = MessageOf<typeof toHostSchemas>;
export type FromHost = MessageOf<typeof fromHostSchemas>;

export function encodeMessage(message: ToHost | FromHost): string {
  return JSON.stringify(message, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

/** Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`. */
export function decodeToHost(bytes: Uint8Array): ToHost {
  return parseMessage<ToHost>(parseJson(bytes, hostLimits.toHostBytes), toHostSchemas);
}

/** Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`. */
export function decodeFromHost(bytes: Uint8Array): FromHost {
  return parseMessage<FromHost>(parseJson(bytes, hostLimits.fromHostBytes), fromHostSchemas);
}

/** Throws `MESSAGE_INVALID`. */
export function parseArgument<C extends StageCall>(call: C, json: unknown): RemoteCalls[C]['argument'] {
  return parse(`${call}.argument`, callSchemas[call].argument, json);
}

/** Throws `MESSAGE_INVALID`. */
export function parseAnswer<C extends StageCall>(call: C, json: unknown): RemoteCalls[C]['answer'] {
  return parse(`${call}.answer`, callSchemas[call].answer, json);
}

function parse<T>(what: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new AppError('MESSAGE_INVALID', { path: `${what} ${formatPath(path)}`, problem: message });
}
