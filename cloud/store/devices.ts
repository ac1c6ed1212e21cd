/** Devices that ever connected. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { DeviceInfo } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly info: DeviceInfo;
  readonly runtimes: readonly RuntimeKey[];
  /** Its agent may not come back until it is paired again. */
  readonly revoked?: true;
}

interface Row {
  id: string;
  name: string;
  info: string;
  runtimes: string;
  revoked: string | null;
}

const columns =
  'SELECT devices.id, name, info, runtimes, revoked FROM devices LEFT JOIN agents ON agents.id = devices.id';

export class Devices {
  readonly #save;
  readonly #classOf;
  readonly #get;
  readonly #all;
  /** Of devices that were asked for: SQLite makes a class anew, out of JSON, each time that it is read. */
  readonly #classes = new Map<string, string>();

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#save = database.prepare<[string, string, string, string, string, string]>(
      `INSERT INTO devices (id, name, info, runtimes, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, info = excluded.info, runtimes = excluded.runtimes, last_seen = excluded.last_seen`,
    );
    this.#classOf = database.prepare<[string], { class: string }>('SELECT class FROM devices WHERE id = ?');
    this.#get = database.prepare<[string], Row>(`${columns} WHERE devices.id = ?`);
    this.#all = database.prepare<[], Row>(`${columns} ORDER BY first_seen, devices.id`);
  }

  /** Adds the device, or renews what is known of it. */
  save(device: Device): void {
    const time = this.now().toISOString();
    this.#classes.delete(device.id);
    this.#save.run(device.id, device.name, JSON.stringify(device.info), JSON.stringify(device.runtimes), time, time);
  }

  /** What kind of hardware it is, in words: devices of one class measure for each other. */
  classOf(id: string): string | undefined {
    const found = this.#classes.get(id) ?? this.#classOf.get(id)?.class;
    if (found !== undefined) this.#classes.set(id, found);
    return found;
  }

  get(id: string): Device | undefined {
    const row = this.#get.get(id);
    return row && fromRow(row);
  }

  /** In the order of their first connection. */
  all(): Device[] {
    return this.#all.all().map(fromRow);
  }
}

function fromRow({ id, name, info, runtimes, revoked }: Row): Device {
  return {
    id,
    name,
    info: JSON.parse(info) as DeviceInfo,
    runtimes: JSON.parse(runtimes) as RuntimeKey[],
    ...(revoked !== null && { revoked: true }),
  };
}
