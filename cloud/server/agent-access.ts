/**
 * AgentAccess: which agents may speak. A person makes a code; who holds the code makes a key known; whoever proves afterwards to
 * hold that key is let in, until it is revoked.
 *
 *   code ──pair: code, key, signature──▶ paired ──hello: signature──▶ present ──revoke──▶ revoked, refused ──pair──▶ paired
 */
import { createPublicKey, randomBytes, timingSafeEqual, verify } from 'node:crypto';
import { AppError } from '@bespoke/shared/base/errors.js';
import {
  type ChallengeMessage,
  type HelloMessage,
  type PairMessage,
  protocolVersion,
} from '@bespoke/shared/protocol/agent.js';
import type { PairingCode } from '@bespoke/shared/protocol/api.js';
import { pairingCodeOf, readPairingCode } from '@bespoke/shared/protocol/pairing-code.js';
import { type Proof, proofBytes } from '@bespoke/shared/protocol/proof.js';
import type { Store } from '../store/store.js';

/** How long a pairing code counts. */
export const pairingCodeMs = 600_000;
/** Wrong codes within `guessWindowMs` after which no code counts: of 2^40 codes, 200 guesses in the life of one. */
const maxWrongCodes = 20;
const guessWindowMs = 60_000;

/** An agent that was let in. */
export interface Presence {
  readonly agentId: string;
  /** Opens model files, as long as the agent is here. */
  readonly fileToken: string;
  readonly refuse: (error: AppError) => void;
}

export class AgentAccess {
  readonly #present = new Set<Presence>();
  /** When wrong codes came, oldest first; never more than the limit. */
  #wrongCodesMs: number[] = [];

  /** `onRevoked` is told the id of every device that may speak no more. */
  constructor(
    private readonly store: Pick<Store, 'cloudId' | 'agents' | 'secrets'>,
    private readonly onRevoked: (deviceId: string) => void,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** The first word to whoever connects. */
  challenge(): ChallengeMessage {
    return { type: 'challenge', protocol: protocolVersion, cloudId: this.store.cloudId, nonce: newToken() };
  }

  /** Makes known a key to whoever holds a code. Throws `PAIRING_LIMITED`, `PAIRING_CODE_UNKNOWN`, `AGENT_PROOF_INVALID`, `AGENT_ID_TAKEN`. */
  pair({ code: typed, agentId, publicKey, signature }: PairMessage, nonce: string): void {
    this.#requireFewGuesses();
    this.#requireSignature({ purpose: 'pair', cloudId: this.store.cloudId, nonce, agentId }, publicKey, signature);
    const code = readPairingCode(typed);
    const came = code === null ? 'codeUnknown' : this.store.agents.redeem(code, agentId, publicKey);
    if (came === 'idTaken') throw new AppError('AGENT_ID_TAKEN', { agentId });
    if (came === 'paired') return;
    this.#wrongCodesMs.push(this.nowMs());
    throw new AppError('PAIRING_CODE_UNKNOWN', {});
  }

  /** Throws `AGENT_UNKNOWN`, `AGENT_REVOKED`, `AGENT_PROOF_INVALID`. */
  requireProof({ agentId, signature }: HelloMessage, nonce: string): void {
    const agent = this.store.agents.get(agentId);
    if (!agent) throw new AppError('AGENT_UNKNOWN', { agentId });
    const proof: Proof = { purpose: 'hello', cloudId: this.store.cloudId, nonce, agentId };
    this.#requireSignature(proof, agent.publicKey, signature);
    if (agent.revoked) throw new AppError('AGENT_REVOKED', { agentId });
  }

  /** An agent that gave its proof is here; `refuse` is called if it may be no more. */
  enter(agentId: string, refuse: Presence['refuse']): Presence {
    const presence = { agentId, fileToken: newToken(), refuse };
    this.#present.add(presence);
    return presence;
  }

  leave(presence: Presence): void {
    this.#present.delete(presence);
  }

  /** Throws `AGENT_TOKEN_UNKNOWN`. */
  requireFileToken(token: string): void {
    const given = Buffer.from(token);
    for (const { fileToken } of this.#present) {
      const known = Buffer.from(fileToken);
      if (known.length === given.length && timingSafeEqual(known, given)) return;
    }
    throw new AppError('AGENT_TOKEN_UNKNOWN', {});
  }

  /** The agent's key counts no more; if it is here, it goes. */
  revoke(agentId: string): void {
    if (this.store.agents.revoke(agentId)) this.#sendAway(agentId);
  }

  /** Sends away whom the command line, another process, has revoked since the last call. */
  sendAwayRevoked(): void {
    if (!this.store.agents.changedElsewhere()) return;
    for (const { agentId } of this.#present) if (this.store.agents.get(agentId)?.revoked) this.#sendAway(agentId);
  }

  #sendAway(agentId: string): void {
    for (const presence of this.#present)
      if (presence.agentId === agentId) presence.refuse(new AppError('AGENT_REVOKED', { agentId }));
    this.onRevoked(agentId);
  }

  #requireFewGuesses(): void {
    const sinceMs = this.nowMs() - guessWindowMs;
    this.#wrongCodesMs = this.#wrongCodesMs.filter((ms) => ms > sinceMs);
    if (this.#wrongCodesMs.length < maxWrongCodes) return;
    throw new AppError('PAIRING_LIMITED', { waitMs: this.#wrongCodesMs[0]! - sinceMs });
  }

  #requireSignature(proof: Proof, publicKey: string, signature: string): void {
    if (isSigned(proofBytes(proof), publicKey, signature)) return;
    throw new AppError('AGENT_PROOF_INVALID', { agentId: proof.agentId });
  }
}

/** A new code, kept hashed; also for the command line, which has the store and no cloud. */
export function newPairingCode(secrets: Store['secrets']): PairingCode {
  const code = pairingCodeOf(randomBytes(8));
  return { code, expiresAt: secrets.add('pairing', readPairingCode(code)!, pairingCodeMs).toISOString() };
}

function isSigned(bytes: Uint8Array, publicKey: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, bytes, key, Buffer.from(signature, 'base64url'));
  } catch {
    return false; // 32 bytes that are no point of the curve
  }
}

function newToken(): string {
  return randomBytes(32).toString('base64url');
}
