/** Access: which browsers may speak. They exchange a one-time token for a session cookie; what is kept is hashed. Agents: agent-access.ts. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { CloudConfig } from '../config.js';
import type { Store } from '../store/store.js';

const cookieName = 'bespoke_session';

export class Access {
  /** Hashes of one-time tokens that were given out and not used yet. */
  readonly #loginTokens = new Set<Buffer>();

  constructor(
    private readonly secrets: Store['secrets'],
    private readonly config: Pick<CloudConfig, 'sessionMs' | 'tls'>,
  ) {}

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
    const { sessionMs, tls } = this.config;
    const secure = tls ? '; Secure' : '';
    return `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${Math.floor(sessionMs / 1000)}${secure}`;
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
