/**
 * How a coordinator and a training host know each other: by a token that both hold and neither sends. Each proves it under the other's nonce, so that a recorded proof is
 * worth nothing at another connection nor for the other side.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export type Prover = 'coordinator' | 'host';

/** Both are drawn anew for each connection. */
export interface Nonces {
  readonly host: string;
  readonly coordinator: string;
}

/** 256 bits in base64url. */
export const newToken = (): string => randomBytes(32).toString('base64url');
export const newNonce = newToken;

export function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

export function proofOf(token: string, prover: Prover, { host, coordinator }: Nonces): string {
  const said = ['bespoke-train-host', prover, host, coordinator].join('\n');
  return createHmac('sha256', token).update(said).digest('base64url');
}

/** In a time that does not tell where the proof is wrong. */
export function isProof(given: string, token: string, prover: Prover, nonces: Nonces): boolean {
  const [got, expected] = [Buffer.from(given), Buffer.from(proofOf(token, prover, nonces))];
  return got.length === expected.length && timingSafeEqual(got, expected);
}
