/**
 * The agent's state file: who it is, with the private key that proves it, and which cloud it was paired with. Only its owner may
 * read it. It is replaced as a whole, by a rename.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { z } from 'zod';

const stateSchema = z.strictObject({
  /** The id of the device, made up at the first pairing and kept. */
  agentId: z.string().regex(/^[A-Za-z0-9-]{8,64}$/),
  /** Ed25519 as a JWK: `d` is the private half, `x` the public one. Absent from files of releases that had no keys. */
  key: z
    .strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), d: z.string().min(1), x: z.string().min(1) })
    .optional(),
  /** Absent until it is paired. */
  cloud: z
    .strictObject({
      /** `ws://host:port` or `wss://host:port`. */
      url: z.string().min(1),
      id: z.string().min(1),
      /** Certificates, PEM, that are trusted besides the system's. */
      caPath: z.string().min(1).optional(),
      /** The name that the cloud's certificate must bear, where that is not its address. */
      tlsName: z.string().min(1).optional(),
      insecurePlain: z.boolean().optional(),
    })
    .optional(),
  /** What people call the device. */
  name: z.string().min(1).max(200).optional(),
});

export type AgentState = z.infer<typeof stateSchema>;
export type AgentKey = NonNullable<AgentState['key']>;
/** Where an agent's cloud is, and how it is recognized. */
export type CloudAddress = Omit<NonNullable<AgentState['cloud']>, 'id'>;
/** What an agent is once it was paired. */
export type Identity = Required<Pick<AgentState, 'agentId' | 'key' | 'cloud' | 'name'>>;

/** Where the agent of who lives in `home` keeps its state unless told otherwise. */
export function defaultStatePath(home = homedir()): string {
  return join(process.env.XDG_STATE_HOME || join(home, '.local', 'state'), 'bespoke', 'agent.json');
}

/** The state with an id and a key, which are made up and stored where there are none. Throws `AGENT_STATE_INVALID`. */
export function stateWithKey(path: string): AgentState & { readonly key: AgentKey } {
  const state = readState(path) ?? { agentId: randomUUID() };
  if (state.key) return { ...state, key: state.key };
  const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as AgentKey;
  writeState(path, { ...state, key });
  return { ...state, key };
}

/** Who the agent is. Throws `AGENT_STATE_INVALID`, `AGENT_NOT_PAIRED`. */
export function readIdentity(path: string): Identity {
  const { agentId, key, cloud, name } = readState(path) ?? {};
  if (agentId === undefined || !key || !cloud || name === undefined) throw new AppError('AGENT_NOT_PAIRED', { path });
  return { agentId, key, cloud, name };
}

export function writeState(path: string, state: AgentState): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.tmp`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function readState(path: string): AgentState | undefined {
  if (!existsSync(path)) return undefined;
  let problem: string;
  try {
    const result = stateSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (result.success) return result.data;
    const { path: field, message } = result.error.issues[0]!;
    problem = `at ${formatPath(field)}: ${message}`;
  } catch (error) {
    problem = (error as Error).message;
  }
  throw new AppError('AGENT_STATE_INVALID', { path, problem });
}
