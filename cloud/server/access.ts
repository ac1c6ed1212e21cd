/**
 * Access: who may speak with the cloud. Browsers exchange a one-time token for a session cookie; agents show the token of
 * the data folder. What is kept is hashed; the plain agents' token lies in a file that only its owner may read.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { CloudConfig } from '../config.js';
import type { Store } from '../store/store.js';

const cookieName = 'bespoke_session';

export class Access {
  /** Where the agents' token lies. */
  readonly agentTokenPath: string;
  /** Hashes of one-time tokens that were given out and not used yet. */
  readonly #loginTokens = new Set<Buffer>();

  /** Makes the agents' token where there is none yet. */
  constructor(
    private readonly secrets: Store['secrets'],
    private readonly config: Pick<CloudConfig, 'dataDirectory' | 'sessionMs'>,
  ) {
    this.agentTokenPath = join(config.dataDirectory, 'agent-token');
    if (!existsSync(this.agentTokenPath)) {
      writeFileSync(`${this.agentTokenPath}.tmp`, `${newSecret()}\n`, { mode: 0o600 });
      renameSync(`${this.agentTokenPath}.tmp`, this.agentTokenPath);
    }
    secrets.add('agent', readFileSync(this.agentTokenPath, 'utf8').trim());
  }

  /** A token that opens one session, once. */
  newLoginToken(): string {
    const token = newSecret();
    this.#loginTokens.add(hash(token));
    return token;
  }

  /** Exchanges a one-time token for the Set-Cookie header of a session. Throws `LOGIN_TOKEN_INVALID`. */
  login(token: string): string {
    const given = hash(token);
    const known = [...this.#loginTokens].find((candidate) => timingSafeEqual(candidate, given));
    if (!known) throw new AppError('LOGIN_TOKEN_INVALID', {});
    this.#loginTokens.delete(known);
    const session = newSecret();
    this.secrets.add('session', session, this.config.sessionMs);
    return `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${Math.floor(this.config.sessionMs / 1000)}`;
  }

  hasSession(headers: IncomingHttpHeaders): boolean {
    const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
    const session = cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
    return session !== undefined && this.secrets.has('session', session);
  }

  /** Throws `LOGIN_REQUIRED` without a session, `ORIGIN_REFUSED` from another site's page. */
  requireSession(headers: IncomingHttpHeaders): void {
    requireOwnOrigin(headers);
    if (!this.hasSession(headers)) throw new AppError('LOGIN_REQUIRED', {});
  }

  /** Throws `AGENT_TOKEN_UNKNOWN`. */
  requireAgent(token: string): void {
    if (!this.secrets.has('agent', token)) throw new AppError('AGENT_TOKEN_UNKNOWN', {});
  }
}

/** Browsers name the page that a request comes from; programs name none. Throws `ORIGIN_REFUSED`. */
export function requireOwnOrigin({ origin, host }: IncomingHttpHeaders): void {
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return;
  throw new AppError('ORIGIN_REFUSED', { expected: `http://${host}`, got: origin });
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
