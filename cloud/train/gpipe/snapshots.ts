/**
 * Snapshots: the state of a stage after its last commits, where the process that takes a dead one's place finds it. The last two are kept: the stages commit one after
 * the other, so that one may be killed when its neighbours have gone a step further, and they must be able to come back.
 *
 *   <step>.new ─▶ rename to <step>-<sha256>.safetensors ─▶ remove all but the newest two
 *
 * Not flushed to the disk: they need to survive the process, not the machine; that is what checkpoints are for.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Snapshot {
  readonly step: number;
  readonly sha256: string;
  readonly path: string;
}

const keptCount = 2;
const fileName = /^(\d+)-([0-9a-f]{64})\.safetensors$/;
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export class Snapshots {
  constructor(private readonly directory: string) {}

  async write(step: number, bytes: Uint8Array): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const temporary = join(this.directory, `${step}.new`);
    await writeFile(temporary, bytes);
    await rename(temporary, join(this.directory, `${step}-${hash(bytes)}.safetensors`));
    const old = (await this.#list()).slice(0, -keptCount);
    await Promise.all(old.map(({ path }) => rm(path)));
  }

  /** The whole ones, oldest first. What is damaged is removed. */
  async whole(): Promise<Snapshot[]> {
    const checked = await Promise.all(
      (await this.#list()).map(async (snapshot) => {
        if (hash(await readFile(snapshot.path)) === snapshot.sha256) return [snapshot];
        await rm(snapshot.path);
        return [];
      }),
    );
    return checked.flat();
  }

  /** Removes those of later steps: the training is about to make those steps again. */
  async removeAfter(step: number): Promise<void> {
    const later = (await this.#list()).filter((snapshot) => snapshot.step > step);
    await Promise.all(later.map(({ path }) => rm(path)));
  }

  async #list(): Promise<Snapshot[]> {
    await mkdir(this.directory, { recursive: true });
    return (await readdir(this.directory))
      .flatMap((name) => {
        const [, step, sha256] = name.match(fileName) ?? [];
        return step && sha256 ? [{ step: Number(step), sha256, path: join(this.directory, name) }] : [];
      })
      .sort((a, b) => a.step - b.step);
  }
}
