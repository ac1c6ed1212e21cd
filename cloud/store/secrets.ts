/** Secrets that the cloud gave out: browsers' sessions and pairing codes. Kept as hashes, so that reading the database lets nobody in. */
import { createHash, scryptSync } from 'node:crypto';
import type { Database } from './database.js';

/** How each kind is hashed. A session is 256 random bits, which nobody guesses back; a code has 40, so every guess is made dear. */
const hashes = {
  session: (secret: string) => createHash('sha256').update(secret).digest('hex'),
  pairing: (secret: string, cloudId: string) => scryptSync(secret, cloudId, 32).toString('hex'),
} as const;
export type SecretKind = keyof typeof hashes;

export class Secrets {
  readonly #add;
  readonly #has;
  readonly #spend;
  readonly #drop;

  constructor(
    database: Database,
    private readonly now: () => Date,
    private readonly cloudId: string,
  ) {
    this.#add = database.prepare<[string, SecretKind, string, number]>(
      'INSERT INTO secrets (hash, kind, created, expires_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#has = database.prepare<[string, SecretKind, number], { one: 1 }>(
      'SELECT 1 AS one FROM secrets WHERE hash = ? AND kind = ? AND expires_ms > ?',
    );
    this.#spend = database.prepare<[string, SecretKind]>('DELETE FROM secrets WHERE hash = ? AND kind = ?');
    this.#drop = database.prepare<[number]>('DELETE FROM secrets WHERE expires_ms <= ?');
  }

  /** Lets `secret` in for `lifeMs`, gives until when, and forgets what has expired. */
  add(kind: SecretKind, secret: string, lifeMs: number): Date {
    const now = this.now();
    const expires = new Date(now.getTime() + lifeMs);
    this.#drop.run(now.getTime());
    this.#add.run(this.#hash(kind, secret), kind, now.toISOString(), expires.getTime());
    return expires;
  }

  has(kind: SecretKind, secret: string): boolean {
    return this.#has.get(this.#hash(kind, secret), kind, this.now().getTime()) !== undefined;
  }

  /** From now on `secret` does not count. */
  spend(kind: SecretKind, secret: string): void {
    this.#spend.run(this.#hash(kind, secret), kind);
  }

  #hash(kind: SecretKind, secret: string): string {
    return hashes[kind](secret, this.cloudId);
  }
}
