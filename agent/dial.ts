/** Dial: how the agent reaches its cloud, by socket or HTTP, and whom it takes for it. Nothing ever dials the agent. */
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { type ConnectionOptions, checkServerIdentity, rootCertificates } from 'node:tls';
import { AppError } from '@bespoke/shared/base/errors.js';
import { isLoopback } from '@bespoke/shared/protocol/address.js';
import { maxMessageBytes } from '@bespoke/shared/protocol/agent.js';
import { type Proof, proofBytes } from '@bespoke/shared/protocol/proof.js';
import { WebSocket } from 'ws';
import type { AgentKey, CloudAddress } from './state.js';

const handshakeTimeoutMs = 10_000;

/** A socket to the cloud's `/agent`, being opened. Throws `PLAIN_REFUSED`, `TLS_FILE_INVALID`. */
export function dialCloud(address: CloudAddress): WebSocket {
  requireSafe(address);
  return new WebSocket(new URL('/agent', address.url), {
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    ...trustOf(address),
  });
}

/** The response to a GET, its body not read yet. Throws `PLAIN_REFUSED`, `TLS_FILE_INVALID`, and what the network fails with. */
export function getFromCloud(
  address: CloudAddress,
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  requireSafe(address);
  const url = new URL(path, address.url.replace(/^ws/, 'http'));
  const get = url.protocol === 'https:' ? getSecure : getPlain;
  return new Promise((resolve, reject) => {
    get(url, { headers, signal, ...trustOf(address) }, resolve).on('error', reject);
  });
}

/** The agent's signature under a proof, in base64url. */
export function signProof(proof: Proof, key: AgentKey): string {
  return sign(null, proofBytes(proof), createPrivateKey({ key, format: 'jwk' })).toString('base64url');
}

function requireSafe({ url, insecurePlain }: CloudAddress): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'wss:' || insecurePlain || isLoopback(hostname)) return;
  throw new AppError('PLAIN_REFUSED', { address: url, remedy: 'give a wss:// address' });
}

/** With `caPath`, a certificate in it may be an authority's or the cloud's own. */
function trustOf({ caPath, tlsName }: CloudAddress): object {
  const trust: ConnectionOptions = {};
  if (caPath !== undefined)
    Object.assign(trust, { ca: [...rootCertificates, readCa(caPath)], allowPartialTrustChain: true });
  if (tlsName !== undefined) trust.checkServerIdentity = (_, certificate) => checkServerIdentity(tlsName, certificate);
  return trust;
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('TLS_FILE_INVALID', { path, problem: (cause as Error).message }, { cause });
  }
}
