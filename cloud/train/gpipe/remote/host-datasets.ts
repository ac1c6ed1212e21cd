/** HostDatasets: the packed data sets of a training host. One that a stage needs and the host does not have is fetched from the coordinator, once, and kept. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashJson } from '@bespoke/shared/base/json.js';
import { listPacked } from '../../data/pack.js';
import { type DatasetManifest, packedByteCount } from '../../data/packed.js';
import { fetchFile, type Pull } from './file-pieces.js';

export class HostDatasets {
  /** One after the other: stages of one pipeline want the same data set at the same time. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  /** Also where `bespoke data pack` puts them. */
  constructor(private readonly directory: string) {}

  /** The folder of the data set with this manifest. Throws `DATA_HASH_MISMATCH`, `DATA_PACKED_INVALID`, and what `pull` throws. */
  provide(manifest: DatasetManifest, pull: Pull): Promise<string> {
    const provided = this.#last.then(() => this.#provide(manifest, pull));
    this.#last = provided.catch(() => {}); // thrown to who wanted it
    return provided;
  }

  async #provide(manifest: DatasetManifest, pull: Pull): Promise<string> {
    const key = hashJson(manifest);
    const known = (await listPacked(this.directory)).find((packed) => hashJson(packed.manifest) === key);
    if (known) return known.directory;
    const name = manifest.name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 60);
    const directory = join(this.directory, `${name}-${key.slice(0, 12)}`);
    const temporary = `${directory}.tmp`;
    await rm(temporary, { recursive: true, force: true }); // of a host that was killed
    await mkdir(temporary, { recursive: true });
    const { sha256 } = manifest;
    await fetchFile(join(temporary, 'data.bin'), { sha256, byteCount: packedByteCount(manifest) }, pull);
    await writeFile(join(temporary, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(directory, { recursive: true, force: true }); // a folder of that name without a whole manifest
    await rename(temporary, directory);
    return directory;
  }
}
