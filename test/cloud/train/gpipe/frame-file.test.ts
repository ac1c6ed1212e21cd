import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FrameFile } from '@bespoke/cloud/train/gpipe/frame-file.js';
import type { Frame } from '@bespoke/cloud/train/gpipe/wire.js';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const tensor = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((product, size) => product * size, 1);
  return fc.record({ shape: fc.constant(shape), values: fc.float32Array({ minLength: length, maxLength: length }) });
});
const tensors = fc.array(tensor, { maxLength: 3 });

function filePair(): { sender: FrameFile; receiver: FrameFile } {
  const path = join(temporaryFolder(), 'frames');
  return { sender: FrameFile.create(path), receiver: FrameFile.take(path) };
}

describe('FrameFile', () => {
  it('gives the frame of a micro-batch from the step in which it was put on, whatever lay there before', () => {
    const puts = fc.array(fc.record({ microBatch: fc.nat(5), tensors }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(puts, (list) => {
        const { sender, receiver } = filePair();
        for (const [index, { microBatch, tensors }] of list.entries()) {
          const step = index + 1;
          const frame: Frame = { kind: 'activation', step, microBatch, tensors };
          expect(receiver.get(step, microBatch)).toBe(null);
          expect(sender.put(frame)).toBe(true);
          expect(receiver.get(step, microBatch)).toEqual(frame);
          expect(receiver.get(step + 1, microBatch)).toBe(null);
          expect(receiver.get(step, microBatch + 6)).toBe(null); // beyond the end of the file
        }
        sender.close();
        receiver.close();
      }),
    );
  });

  it('carries whether its writer waits', () => {
    const { sender, receiver } = filePair();
    expect(receiver.isWaiting).toBe(false);
    sender.sayWaiting(true);
    expect(receiver.isWaiting).toBe(true);
    sender.sayWaiting(false);
    expect(receiver.isWaiting).toBe(false);
  });

  it('has no name once both have it open, and is not made where there is one already', () => {
    const path = join(temporaryFolder(), 'frames');
    const sender = FrameFile.create(path);
    expect(() => FrameFile.create(path)).toThrow('EEXIST');
    expect(existsSync(sender.name)).toBe(true);
    FrameFile.take(path);
    expect(existsSync(sender.name)).toBe(false);
    expect(sender.put({ kind: 'gradient', step: 1, microBatch: 0, tensors: [] })).toBe(true);
  });

  it('takes memory for what is written only, however far apart', () => {
    const path = join(temporaryFolder(), 'frames');
    const sender = FrameFile.create(path);
    onTestFinished(() => sender.close());
    const values = new Float32Array(1000);
    for (const microBatch of [0, 63])
      sender.put({ kind: 'activation', step: 1, microBatch, tensors: [{ shape: [1000], values }] });
    expect(statSync(sender.name).size).toBeGreaterThan(2 ** 36);
    expect(statSync(sender.name).blocks * 512).toBeLessThan(100_000);
  });

  it('takes its name along where nobody took it', () => {
    const sender = FrameFile.create(join(temporaryFolder(), 'frames'));
    sender.close();
    expect(existsSync(sender.name)).toBe(false);
  });

  /** A full file system cannot be had for the asking: what says so is put in place of its first word. */
  it('lies with the socket where memory is full, and is found there', () => {
    const path = join(temporaryFolder(), 'frames');
    const probe = FrameFile.create(join(temporaryFolder(), 'probe'));
    probe.close();
    if (!probe.name.startsWith('/dev/shm')) return console.log('nothing to fill: /dev/shm is missing or small here');
    const full = vi.spyOn(FrameFile.prototype, 'sayWaiting').mockImplementationOnce(() => {
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    });
    onTestFinished(() => full.mockRestore());
    const sender = FrameFile.create(path);
    expect(sender.name).toBe(path);
    const receiver = FrameFile.take(path);
    sender.put({ kind: 'gradient', step: 1, microBatch: 0, tensors: [] });
    expect(receiver.get(1, 0)).toMatchObject({ kind: 'gradient' });
  });

  it('refuses what no receiver would take', () => {
    const { sender } = filePair();
    const tensors = [{ shape: [2], values: new Float32Array(3) }];
    expect(() => sender.put({ kind: 'activation', step: 1, microBatch: 0, tensors })).toThrow('3 values instead of 2');
  });
});
