/**
 * What agents and the cloud say to each other over the WebSocket `/agent`, as two unions. Every field has a limit.
 *
 *   agent                         cloud
 *   hello ──────────────────────▶ (token, version)
 *         ◀────────────────────── welcome | refused, closed
 *   ready ──────────────────────▶              I am idle
 *         ◀────────────────────── job
 *   result ─────────────────────▶ stored
 *         ◀────────────────────── resultAck    now the agent may forget it
 *   heartbeat(n) ───────────────▶
 *         ◀────────────────────── heartbeatAck(n)
 *   bye ────────────────────────▶
 *
 * Jobs are asked for, not pushed: an agent that came back while it still measures is not idle, so nothing is measured twice.
 */
import { z } from 'zod';
import { type MeasurementOutcome, measurementOutcomeSchema } from '../latency/measurement.js';
import { type RuntimeKey, runtimeKeySchema, runtimeNames } from '../latency/table.js';
import { type Workload, workloadSchema } from '../latency/workload.js';
import type { DeviceInfo } from './api.js';

/** Raised when a message changes its meaning; agent and cloud must have the same. */
export const protocolVersion = 6;

/** The longest message either side reads: a network workload of 500 blocks has 0.1 MiB, 2000 samples have 0.05. */
export const maxMessageBytes = 2 ** 20;

/** The longest time that a job may be given. */
export const maxJobTimeoutMs = 3_600_000;

/** Who the agent is; its answer to the challenge, and only once. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly protocol: typeof protocolVersion;
  /** Made up by the agent at its first start and kept; it is the id of the device. */
  readonly agentId: string;
  /** Ed25519 over `proofBytes`, in base64url: whoever sends this holds the private key that was paired. */
  readonly signature: string;
  readonly name: string;
  readonly info: DeviceInfo;
  readonly runtimes: readonly RuntimeKey[];
}

/** Makes a key known to the cloud: said instead of a hello, by whoever holds a pairing code; the connection ends with the answer. */
export interface PairMessage {
  readonly type: 'pair';
  readonly protocol: typeof protocolVersion;
  /** As a person read it: eight characters, dashes and case do not matter. */
  readonly code: string;
  readonly agentId: string;
  /** Ed25519, the 32 bytes in base64url. */
  readonly publicKey: string;
  /** As in a hello: a key is paired only by who holds its private half. */
  readonly signature: string;
  readonly name: string;
}

/** The outcome of a job; sent again after every reconnection until acknowledged. */
export interface ResultMessage {
  readonly type: 'result';
  readonly jobId: string;
  readonly leaseId: string;
  readonly outcome: MeasurementOutcome;
}

export type AgentMessage =
  | HelloMessage
  | PairMessage
  | { readonly type: 'ready' }
  | ResultMessage
  | { readonly type: 'heartbeat'; readonly sequence: number }
  | { readonly type: 'bye'; readonly reason: string };

/** A workload to measure under one lease of one job. */
export interface JobMessage {
  readonly type: 'job';
  readonly jobId: string;
  readonly leaseId: string;
  readonly runtime: RuntimeKey;
  readonly workload: Workload;
  readonly timeoutMs: number;
}

/** Why the cloud ends a connection: another agent came with the same id; it stops; the lease ran out. */
export const cloudByeReasons = ['replaced', 'closing', 'leaseExpired'] as const;
export type CloudByeReason = (typeof cloudByeReasons)[number];

/** The cloud's first message: what the agent's signature is to be over. */
export interface ChallengeMessage {
  readonly type: 'challenge';
  readonly protocol: typeof protocolVersion;
  /** Which cloud this is; an agent signs for the one that it was paired with, and for no other. */
  readonly cloudId: string;
  /** 256 random bits of this connection alone. */
  readonly nonce: string;
}

export type CloudMessage =
  | ChallengeMessage
  | { readonly type: 'paired'; readonly deviceId: string }
  /** `fileToken` lets the agent fetch model files, as long as this connection lasts. */
  | { readonly type: 'welcome'; readonly deviceId: string; readonly heartbeatMs: number; readonly fileToken: string }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | JobMessage
  | { readonly type: 'resultAck'; readonly jobId: string }
  | { readonly type: 'heartbeatAck'; readonly sequence: number }
  | { readonly type: 'bye'; readonly reason: CloudByeReason };

/** An id: of an agent, a job, or a lease. */
const id = z.string().regex(/^[A-Za-z0-9-]{8,64}$/, 'expected an id of 8 to 64 letters, digits or dashes');
const sequence = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const label = z.string().min(1).max(200);
/** So many bytes in base64url without padding. */
const base64url = (byteCount: number) => z.string().regex(new RegExp(`^[\\w-]{${Math.ceil((byteCount * 4) / 3)}}$`));
const secret = base64url(32);
const signature = base64url(64);
const protocol = z.literal(protocolVersion);

const deviceInfoSchema = z.strictObject({
  hostname: label,
  platform: label,
  arch: label,
  cpuModel: label,
  cpuCount: z.number().int().min(1).max(4096),
  memoryBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50),
  possibleRuntimes: z.array(z.enum(runtimeNames)).max(16).optional(),
}) as unknown as z.ZodType<DeviceInfo>;

/** Who a device is, without what it offers. */
export const deviceIdentitySchema = z.strictObject({ id, name: label, info: deviceInfoSchema });

export const agentMessageSchemas = {
  hello: z.strictObject({
    type: z.literal('hello'),
    protocol,
    agentId: id,
    signature,
    name: label,
    info: deviceInfoSchema,
    runtimes: z.array(runtimeKeySchema).max(32),
  }),
  pair: z.strictObject({
    type: z.literal('pair'),
    protocol,
    code: z.string().min(1).max(40),
    agentId: id,
    publicKey: base64url(32),
    signature,
    name: label,
  }),
  ready: z.strictObject({ type: z.literal('ready') }),
  result: z.strictObject({ type: z.literal('result'), jobId: id, leaseId: id, outcome: measurementOutcomeSchema }),
  heartbeat: z.strictObject({ type: z.literal('heartbeat'), sequence }),
  bye: z.strictObject({ type: z.literal('bye'), reason: label }),
} satisfies { readonly [T in AgentMessage['type']]: z.ZodType<Extract<AgentMessage, { type: T }>> };

export const cloudMessageSchemas = {
  challenge: z.strictObject({ type: z.literal('challenge'), protocol, cloudId: id, nonce: secret }),
  paired: z.strictObject({ type: z.literal('paired'), deviceId: id }),
  welcome: z.strictObject({
    type: z.literal('welcome'),
    deviceId: id,
    heartbeatMs: z.number().int().min(10).max(600_000),
    fileToken: secret,
  }),
  refused: z.strictObject({ type: z.literal('refused'), code: label, message: z.string().min(1).max(2000) }),
  job: z.strictObject({
    type: z.literal('job'),
    jobId: id,
    leaseId: id,
    runtime: runtimeKeySchema,
    workload: workloadSchema,
    timeoutMs: z.number().int().min(1).max(maxJobTimeoutMs),
  }),
  resultAck: z.strictObject({ type: z.literal('resultAck'), jobId: id }),
  heartbeatAck: z.strictObject({ type: z.literal('heartbeatAck'), sequence }),
  bye: z.strictObject({ type: z.literal('bye'), reason: z.enum(cloudByeReasons) }),
} satisfies { readonly [T in CloudMessage['type']]: z.ZodType<Extract<CloudMessage, { type: T }>> };
