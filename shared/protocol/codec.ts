/** Codec: bytes <-> messages. What does not obey the protocol is refused with the path of the bad field; nothing else comes in. */
import type { z } from 'zod';
import { AppError } from '../base/errors.js';
import { formatPath } from '../graph/graph.js';
import {
  type AgentMessage,
  agentMessageSchemas,
  type CloudMessage,
  cloudMessageSchemas,
  maxMessageBytes,
  protocolVersion,
} from './agent.js';

/** The text of a message. */
export function encodeMessage(message: AgentMessage | CloudMessage): string {
  return JSON.stringify(message);
}

/** Reads what an agent sent. Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`, `PROTOCOL_VERSION_DIFFERS`. */
export function decodeAgentMessage(bytes: Uint8Array): AgentMessage {
  return parseMessage<AgentMessage>(parseJson(bytes, maxMessageBytes), agentMessageSchemas, requireVersion);
}

/** Reads what the cloud sent. Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`, `PROTOCOL_VERSION_DIFFERS`. */
export function decodeCloudMessage(bytes: Uint8Array): CloudMessage {
  return parseMessage<CloudMessage>(parseJson(bytes, maxMessageBytes), cloudMessageSchemas, requireVersion);
}

/** A first message of another version may differ in anything, so its version is looked at before its fields. */
function requireVersion(json: Record<string, unknown>): void {
  if (!Number.isInteger(json.protocol) || json.protocol === protocolVersion) return;
  throw new AppError('PROTOCOL_VERSION_DIFFERS', { expected: protocolVersion, got: json.protocol as number });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws `MESSAGE_TOO_LARGE`, `MESSAGE_INVALID`. */
export function parseJson(bytes: Uint8Array, limitBytes: number): unknown {
  if (bytes.length > limitBytes) throw new AppError('MESSAGE_TOO_LARGE', { byteCount: bytes.length, limitBytes });
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new AppError(
      'MESSAGE_INVALID',
      { path: '$', problem: `expected JSON in UTF-8 (${(cause as Error).message})` },
      { cause },
    );
  }
}

/** Holds `json` to the schema of its `type`; `check` is called before its fields are looked at. Throws `MESSAGE_INVALID`, and what `check` throws. */
export function parseMessage<M extends { readonly type: string }>(
  json: unknown,
  schemas: { readonly [T in M['type']]: z.ZodType },
  check: (json: Record<string, unknown>) => void = () => {},
): M {
  if (!isRecord(json)) throw new AppError('MESSAGE_INVALID', { path: '$', problem: 'expected an object' });
  const type = json.type;
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    const problem = `expected one of ${Object.keys(schemas).join(', ')}, but got ${JSON.stringify(type)?.slice(0, 60)}`;
    throw new AppError('MESSAGE_INVALID', { path: '$.type', problem });
  }
  check(json);
  const result = schemas[type as M['type']].safeParse(json);
  if (result.success) return result.data as M;
  const issue = result.error.issues[0]!;
  throw new AppError('MESSAGE_INVALID', { path: formatPath(issue.path), problem: issue.message });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
