/**
 * Artifacts: files named by the SHA-256 of their bytes, in `<data folder>/artifacts`. The file is written under another
 * name, synced and renamed, and only then gets its row: a row always has its whole file.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Database } from './database.js';

export interface Artifact {
  readonly sha256: string;
  readonly byteCount: number;
}

export class Artifacts {
  readonly #folder: string;
  readonly #add;
  readonly #get;

  constructor(
    database: Database,
    directory: string,
    private readonly now: () => Date,
  ) {
    this.#folder = join(directory, 'artifacts');
    this.#add = database.prepare<[string, number, string]>(
      'INSERT INTO artifacts (sha256, byte_count, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#get = database.prepare<[string], { sha256: string; byte_count: number }>(
      'SELECT sha256, byte_count FROM artifacts WHERE sha256 = ?',
    );
  }

  /** Keeps the bytes; the same bytes are kept once. */
  put(bytes: Uint8Array): Artifact {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (!this.get(sha256)) {
      mkdirSync(this.#folder, { recursive: true });
      const temporary = join(this.#folder, `${sha256}.${process.pid}.tmp`);
      const file = openSync(temporary, 'w');
      try {
        writeFileSync(file, bytes);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path(sha256));
      this.#add.run(sha256, bytes.length, this.now().toISOString());
    }
    return { sha256, byteCount: bytes.length };
  }

  get(sha256: string): Artifact | undefined {
    const row = this.#get.get(sha256);
    return row && { sha256: row.sha256, byteCount: row.byte_count };
  }

  /** The bytes. Throws `NOT_FOUND`. */
  read(sha256: string): Buffer {
    if (!this.get(sha256)) throw new AppError('NOT_FOUND', { what: 'file', id: sha256 });
    return readFileSync(this.path(sha256));
  }

  /** Where the bytes lie. */
  path(sha256: string): string {
    return join(this.#folder, sha256);
  }
}
