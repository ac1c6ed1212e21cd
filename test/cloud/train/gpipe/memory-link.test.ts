import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { FrameFile } from '@bespoke/cloud/train/gpipe/frame-file.js';
import { Greeting } from '@bespoke/cloud/train/gpipe/greeting.js';
import { MemoryLink } from '@bespoke/cloud/train/gpipe/memory-link.js';
import type { Frame } from '@bespoke/cloud/train/gpipe/wire.js';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const secret = '00112233445566778899aabbccddeeff';

async function linkedPair(path = join(temporaryFolder(), 'socket')) {
  const greeting = new Greeting(secret);
  const answered: MemoryLink[] = [];
  const listening = await greeting.listen({ path }, (neighbour) => answered.push(MemoryLink.answer(path, neighbour)));
  const above = await MemoryLink.dial(path, 1, () => greeting.dial({ path }, 1));
  const below = answered[0]!;
  const ends = [above.ended(), below.ended()] as const;
  onTestFinished(() => listening.close());
  return { path, above, below, ends };
}

const frameOf = (step: number, microBatch: number, length = 1000): Frame => ({
  kind: 'activation',
  step,
  microBatch,
  tensors: [
    { shape: [length], values: new Float32Array(length).fill(step + microBatch / 100) },
    { shape: [1, 2], values: Float32Array.of(step, microBatch) },
  ],
});

describe('MemoryLink', () => {
  it('brings every frame to who asks for it before it is there, or after, either way', async () => {
    const { above, below } = await linkedPair();
    const turns = fc.array(fc.record({ isDown: fc.boolean(), isEarly: fc.boolean(), microBatch: fc.nat(3) }), {
      maxLength: 30,
    });
    let step = 0;
    await fc.assert(
      fc.asyncProperty(turns, async (list) => {
        for (const { isDown, isEarly, microBatch } of list) {
          const [sender, receiver] = isDown ? [above, below] : [below, above];
          const frame = frameOf(++step, microBatch);
          if (!isEarly) sender.send(frame);
          const receipt = receiver.receive(step, microBatch);
          if (isEarly) {
            await new Promise((resolve) => setImmediate(resolve));
            sender.send(frame);
          }
          expect(await receipt).toMatchObject(frame);
        }
      }),
    );
  });

  it('rings for nobody who does not wait', async () => {
    const { above, below } = await linkedPair();
    const looks = vi.spyOn(FrameFile.prototype, 'isWaiting', 'get');
    onTestFinished(() => looks.mockRestore());
    for (let microBatch = 0; microBatch < 8; microBatch++) above.send(frameOf(1, microBatch));
    expect(looks.mock.results.map(({ value }) => value)).toEqual(Array(8).fill(false));
    const receipt = below.receive(2, 0);
    above.send(frameOf(2, 0));
    expect(await receipt).toMatchObject({ step: 2 });
    expect(looks.mock.results.at(-1)!.value).toBe(true);
  });

  /** A file system without room cannot be had for the asking: `put` says so in its place. */
  it('sends over the socket what the file has no room for, and goes on so', async () => {
    const { above, below } = await linkedPair();
    above.send(frameOf(1, 0));
    const put = vi.spyOn(FrameFile.prototype, 'put').mockReturnValueOnce(false);
    onTestFinished(() => put.mockRestore());
    const large = 200_000; // more than a socket's buffer takes at once
    for (let microBatch = 1; microBatch < 4; microBatch++) above.send(frameOf(1, microBatch, large));
    expect(await below.receive(1, 0)).toMatchObject(frameOf(1, 0));
    for (let microBatch = 1; microBatch < 4; microBatch++)
      expect(await below.receive(1, microBatch)).toMatchObject(frameOf(1, microBatch, large));
    expect(put).toHaveBeenCalledTimes(1);
  });

  it('leaves nothing but the socket in its folder, and says that it has ended when the other end goes', async () => {
    const { path, above, below, ends } = await linkedPair();
    above.send(frameOf(1, 0));
    expect(readdirSync(dirname(path))).toEqual(['socket']);
    if (existsSync('/dev/shm'))
      expect(readdirSync('/dev/shm').filter((name) => name.startsWith(basename(dirname(path))))).toEqual([]);
    above.close();
    expect(await ends[1]).toBe('it was closed');
    expect(await below.receive(1, 0)).toMatchObject(frameOf(1, 0)); // what has come has come
  });

  it('makes no file for a stranger', async () => {
    const path = join(temporaryFolder(), 'socket');
    const welcomed: unknown[] = [];
    const listening = await new Greeting(secret).listen({ path }, (neighbour) => welcomed.push(neighbour));
    onTestFinished(() => listening.close());
    const stranger = new Greeting(secret.replace('0', '1'));
    await expect(MemoryLink.dial(path, 1, () => stranger.dial({ path }, 1))).rejects.toThrow('did not greet');
    const rude = connect(path, () => rude.write('GET / HTTP/1.1\r\n\r\n'));
    await new Promise((resolve) => rude.resume().once('close', resolve));
    expect(welcomed).toEqual([]);
  });
});
