/** Secrets that the cloud gave out: browsers' sessions and agents' tokens. Kept as hashes, so that reading the database lets nobody in. */
import { createHash } from 'node:crypto';
import type { Database } from './database.js';

export type SecretKind = 'session' | 'agent';

export class Secrets {
  readonly #add;
  readonly #has;
  readonly #drop;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#add = database.prepare<[string, SecretKind, string, number | null]>(
      'INSERT INTO secrets (hash, kind, created, expires_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#has = database.prepare<[string, SecretKind, number], { one: 1 }>(
      'SELECT 1 AS one FROM secrets WHERE hash = ? AND kind = ? AND (expires_ms IS NULL OR expires_ms > ?)',
    );
    this.#drop = database.prepare<[number]>('DELETE FROM secrets WHERE expires_ms <= ?');
  }

  /** Lets `secret` in for `lifeMs`, or for ever; forgets what has expired. */
  add(kind: SecretKind, secret: string, lifeMs?: number): void {
    const now = this.now();
    this.#drop.run(now.getTime());
    this.#add.run(hash(secret), kind, now.toISOString(), lifeMs === undefined ? null : now.getTime() + lifeMs);
  }

  has(kind: SecretKind, secret: string): boolean {
    return this.#has.get(hash(secret), kind, this.now().getTime()) !== undefined;
  }
}

/** Secrets are 256 random bits, so a plain hash cannot be guessed back. */
function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
