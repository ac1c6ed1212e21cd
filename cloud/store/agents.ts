/** Agents that were paired, each known by its public key; which cloud they were paired with; and what another process changed of that. */
import type { Database } from './database.js';
import type { Secrets } from './secrets.js';

export interface PairedAgent {
  /** Also the id of its device. */
  readonly id: string;
  /** Ed25519, 32 bytes in base64url. */
  readonly publicKey: string;
  readonly revoked: boolean;
}

/** What came of redeeming a code: it does not count (any more), or the id belongs to another key already. */
export type Redemption = 'paired' | 'codeUnknown' | 'idTaken';

export class Agents {
  readonly #get;
  readonly #pair;
  readonly #revoke;
  readonly #version;
  readonly #redeem;
  #seenVersion: number;

  constructor(
    database: Database,
    secrets: Secrets,
    private readonly now: () => Date,
  ) {
    this.#get = database.prepare<[string], { id: string; publicKey: string; revoked: string | null }>(
      'SELECT id, public_key AS publicKey, revoked FROM agents WHERE id = ?',
    );
    this.#pair = database.prepare<[string, string, string]>(
      `INSERT INTO agents (id, public_key, paired) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET paired = excluded.paired, revoked = NULL`,
    );
    this.#revoke = database.prepare<[string, string]>('UPDATE agents SET revoked = ? WHERE id = ? AND revoked IS NULL');
    this.#version = database.prepare<[], { data_version: number }>('PRAGMA data_version');
    this.#seenVersion = this.#version.get()!.data_version;
    this.#redeem = database.transaction((code: string, id: string, publicKey: string): Redemption => {
      if (!secrets.has('pairing', code)) return 'codeUnknown';
      const known = this.get(id);
      if (known && known.publicKey !== publicKey) return 'idTaken'; // the code stays good for another try
      secrets.spend('pairing', code);
      this.#pair.run(id, publicKey, this.now().toISOString());
      return 'paired';
    });
  }

  /** Spends the code and makes the key known, in one transaction. */
  redeem(code: string, id: string, publicKey: string): Redemption {
    return this.#redeem.immediate(code, id, publicKey);
  }

  get(id: string): PairedAgent | undefined {
    const row = this.#get.get(id);
    return row && { ...row, revoked: row.revoked !== null };
  }

  /** Its key counts no more, until it is paired again. False where there was nothing to revoke. */
  revoke(id: string): boolean {
    return this.#revoke.run(this.now().toISOString(), id).changes === 1;
  }

  /** Whether another process (the command line) wrote to the database since the last call. */
  changedElsewhere(): boolean {
    const { data_version: version } = this.#version.get()!;
    const changed = version !== this.#seenVersion;
    this.#seenVersion = version;
    return changed;
  }
}

/** Which cloud the database belongs to. */
export function cloudIdOf(database: Database): string {
  return database.prepare<[], { id: string }>('SELECT id FROM cloud').get()!.id;
}
