/** Devices that ever connected. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { DeviceInfo } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly info: DeviceInfo;
  readonly runtimes: readonly RuntimeKey[];
}

interface Row {
  id: string;
  name: string;
  info: string;
  runtimes: string;
}

export class Devices {
  readonly #save;
  readonly #classOf;
  readonly #get;
  readonly #all;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#save = database.prepare<[string, string, string, string, string, string]>(
      `INSERT INTO devices (id, name, info, runtimes, first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, info = excluded.info, runtimes = excluded.runtimes, last_seen = excluded.last_seen`,
    );
    this.#classOf = database.prepare<[string], { class: string }>('SELECT class FROM devices WHERE id = ?');
    this.#get = database.prepare<[string], Row>('SELECT id, name, info, runtimes FROM devices WHERE id = ?');
    this.#all = database.prepare<[], Row>('SELECT id, name, info, runtimes FROM devices ORDER BY first_seen, id');
  }

  /** Adds the device, or renews what is known of it. */
  save(device: Device): void {
    const time = this.now().toISOString();
    this.#save.run(device.id, device.name, JSON.stringify(device.info), JSON.stringify(device.runtimes), time, time);
  }

  /** What kind of hardware it is, in words: devices of one class measure for each other. */
  classOf(id: string): string | undefined {
    return this.#classOf.get(id)?.class;
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

function fromRow({ id, name, info, runtimes }: Row): Device {
  return { id, name, info: JSON.parse(info) as DeviceInfo, runtimes: JSON.parse(runtimes) as RuntimeKey[] };
}
