/**
 * Snapshots: the state of a stage after its last commits, where the process that takes a dead one's place finds it. The last two are kept: the stages commit one after
 * the other, so that one may be killed when its neighbours have gone a step further, and they must be able to come back.
 *
 *   <step>.new ─ hash ─▶ rename to <step>-<sha256>.safetensors ─▶ remove all but the newest two
 *
 * Not flushed to the disk: they need to survive the process, not the machine; that is what checkpoints are for.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

interface Snapshot {
  readonly step: number;
  readonly sha256: string;
  readonly path: string;
}

const keptCount = 2;
const fileName = /^(\d+)-([0-9a-f]{64})\.safetensors$/;

export class Snapshots {
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly hash: (path: string) => Promise<string>,
  ) {}

  /** Begins to write the state of `step`, beside what its process does next. `settled` has the outcome. */
  begin(step: number, save: (path: string) => Promise<void>): void {
    this.#writing = this.#write(step, save);
    this.#writing.catch(() => {}); // thrown where it is awaited
  }

  /** Once this resolves, what was begun is there. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** The whole ones, oldest first. What is damaged is removed. */
  async whole(): Promise<Snapshot[]> {
    const checked = await Promise.all(
      (await this.#list()).map(async (snapshot) => {
        if ((await this.hash(snapshot.path)) === snapshot.sha256) return [snapshot];
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

  async #write(step: number, save: (path: string) => Promise<void>): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const temporary = join(this.directory, `${step}.new`);
    await save(temporary);
    await rename(temporary, join(this.directory, `${step}-${await this.hash(temporary)}.safetensors`));
    const old = (await this.#list()).slice(0, -keptCount);
    await Promise.all(old.map(({ path }) => rm(path)));
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
