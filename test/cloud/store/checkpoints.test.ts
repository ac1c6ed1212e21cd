import { statSync } from 'node:fs';
import { join } from 'node:path';
import { startCheckpoints } from '@bespoke/cloud/store/checkpoints.js';
import { openDatabase } from '@bespoke/cloud/store/database.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../support/folder.js';
import { until } from '../../support/until.js';

describe('startCheckpoints', () => {
  it('brings the log into the database beside whoever writes, and has it begin anew', async () => {
    const folder = temporaryFolder();
    const database = openDatabase(folder);
    onTestFinished(() => void database.close());
    database.exec('CREATE TABLE filler (bytes BLOB)');
    const bytesOf = (name: string) => statSync(join(folder, name)).size;
    const write = () => database.prepare('INSERT INTO filler VALUES (zeroblob(100000))').run();

    const end = startCheckpoints(database, { everyMs: 10, longPages: 100 });
    expect(database.pragma('wal_autocheckpoint', { simple: true })).toBe(800);
    database.pragma('wal_autocheckpoint = 0'); // no commit does it, now
    write();
    await until('the first page is in the database', () => bytesOf('bespoke.sqlite') > 100_000);
    const rows = database.prepare<[], { count: number }>('SELECT COUNT(*) AS count FROM filler');
    await until('the log begins anew', () => {
      write();
      return rows.get()!.count * 100_000 > 2 * bytesOf('bespoke.sqlite-wal');
    });
    await end();

    // Ended: the log is left to grow.
    const size = bytesOf('bespoke.sqlite');
    for (let count = 0; count < 30; count++) write();
    expect(bytesOf('bespoke.sqlite')).toBe(size);
  });
});
