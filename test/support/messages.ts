/** A message of each kind, as the two sides send them, and what becomes of them when they are tampered with. */
import { type AgentMessage, type CloudMessage, protocolVersion } from '@bespoke/shared/protocol/agent.js';
import fc from 'fast-check';
import { device, runtime, success, workload } from './fleet.js';

const result = { type: 'result', jobId: 'job-00001', leaseId: 'lease-001', outcome: success(1.5) } as const;
const job = { type: 'job', jobId: 'job-00001', leaseId: 'lease-001', runtime, timeoutMs: 1000 } as const;

export const agentMessages: readonly AgentMessage[] = [
  {
    type: 'hello',
    protocol: protocolVersion,
    agentId: device.id,
    signature: 'x'.repeat(86),
    name: 'bench',
    info: { ...device.info, possibleRuntimes: ['onnx'] },
    runtimes: [runtime],
  },
  {
    type: 'pair',
    protocol: protocolVersion,
    code: '7KQ2-M9XR',
    agentId: device.id,
    publicKey: 'x'.repeat(43),
    signature: 'x'.repeat(86),
    name: 'bench',
  },
  { type: 'ready' },
  result,
  { ...result, outcome: { ok: false, reason: 'crashed', log: 'signal 11' } },
  { type: 'heartbeat', sequence: 7 },
  { type: 'bye', reason: 'the agent stops' },
];

export const cloudMessages: readonly CloudMessage[] = [
  { type: 'challenge', protocol: protocolVersion, cloudId: 'c'.repeat(32), nonce: 'n'.repeat(43) },
  { type: 'paired', deviceId: device.id },
  { type: 'welcome', deviceId: device.id, heartbeatMs: 15_000, fileToken: 't'.repeat(43) },
  { type: 'refused', code: 'AGENT_UNKNOWN', message: 'no' },
  { ...job, workload: workload(3) },
  {
    ...job,
    workload: {
      kind: 'network',
      dtype: 'float32',
      batch: 1,
      network: {
        version: 1,
        name: 'net',
        input: { height: 32, width: 32, channels: 3 },
        blocks: [
          { id: 'stem', kind: 'conv', outChannels: 16, kernelSize: 3, stride: 2, activation: 'relu6' },
          {
            id: 'b1',
            kind: 'mbconv',
            outChannels: 24,
            kernelSize: 5,
            stride: 1,
            expandRatio: 6,
            activation: 'relu6',
            squeezeExcite: false,
          },
          { id: 'head', kind: 'head', classes: 10 },
        ],
      },
    },
  },
  { ...job, workload: { kind: 'file', format: 'tflite', sha256: 'a'.repeat(64), byteCount: 1000 } },
  { type: 'resultAck', jobId: 'job-00001' },
  { type: 'heartbeatAck', sequence: 7 },
  { type: 'bye', reason: 'replaced' },
];

export const bytesOf = (json: unknown) =>
  new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));

/** Values that have broken readers of messages before. */
const nasty = fc.constantFrom<unknown>(
  null,
  0,
  -1,
  0.5,
  1e308,
  4096,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
  '',
  '__proto__',
  '../../etc/passwd',
  'x'.repeat(10_000),
  [],
  {},
  Array(3000).fill(1),
  { __proto__: null, constructor: 1 },
);

/** The message with one field, anywhere, replaced, removed, doubled or added. */
function tamper(message: object, at: number, value: unknown, how: number): object {
  const copy = structuredClone(message) as Record<string, unknown>;
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: Record<string, unknown>): void => {
    for (const key of Object.keys(node)) {
      places.push([node, key]);
      if (typeof node[key] === 'object' && node[key] !== null) walk(node[key] as Record<string, unknown>);
    }
  };
  walk(copy);
  const [node, key] = places[at % places.length]!;
  if (how === 0) delete node[key];
  else if (how === 1) node[`${key}2`] = value;
  else if (how === 2 && Array.isArray(node[key])) node[key] = [...node[key], ...node[key]];
  else node[key] = value;
  return copy;
}

/** Bytes of messages: tampered with in a field or a byte, and garbage. */
export function hostileBytes(messages: readonly object[]): fc.Arbitrary<Uint8Array> {
  const valid = fc.constantFrom(...messages);
  const field = fc
    .tuple(valid, fc.nat(), fc.oneof(nasty, fc.jsonValue({ maxDepth: 2 })), fc.nat({ max: 5 }))
    .map(([message, at, value, how]) => bytesOf(tamper(message, at, value, how)));
  const byte = fc
    .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([message, changes, length]) => {
      const text = bytesOf(message);
      for (const [at, value] of changes) text[at % text.length] = value;
      return length % 4 === 0 ? text.subarray(0, length % text.length) : text;
    });
  const deep = fc.integer({ min: 1000, max: 100_000 }).map((depth) => bytesOf('['.repeat(depth)));
  return fc.oneof(
    { weight: 12, arbitrary: field },
    { weight: 6, arbitrary: byte },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 2, arbitrary: fc.jsonValue().map(bytesOf) },
    { weight: 1, arbitrary: deep },
  );
}
