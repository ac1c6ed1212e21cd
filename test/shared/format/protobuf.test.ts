import { ProtobufWriter } from '@bespoke/shared/format/protobuf.js';
import { describe, expect, it } from 'vitest';

/** The bytes of one field, as protobuf's encoding guide gives them. */
const bytesOf = (write: (to: ProtobufWriter) => void) => {
  const writer = new ProtobufWriter();
  write(writer);
  return [...writer.finish()];
};

describe('ProtobufWriter', () => {
  it('writes whole numbers seven bits at a time, negative ones as 64 bits', () => {
    expect(bytesOf((to) => to.integer(1, 0))).toEqual([0x08, 0x00]);
    expect(bytesOf((to) => to.integer(1, 127))).toEqual([0x08, 0x7f]);
    expect(bytesOf((to) => to.integer(1, 150))).toEqual([0x08, 0x96, 0x01]);
    expect(bytesOf((to) => to.integer(1, 2 ** 40))).toEqual([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
    expect(bytesOf((to) => to.integer(1, -1))).toEqual([0x08, ...new Array(9).fill(0xff), 0x01]);
  });

  it('writes fields above 15 with a tag of two bytes', () => {
    expect(bytesOf((to) => to.integer(20, 1))).toEqual([0xa0, 0x01, 0x01]);
  });

  it('writes floats, text and bytes', () => {
    expect(bytesOf((to) => to.float(2, 1))).toEqual([0x15, 0x00, 0x00, 0x80, 0x3f]);
    expect(bytesOf((to) => to.string(2, 'testing'))).toEqual([0x12, 7, ...Buffer.from('testing')]);
    expect(bytesOf((to) => to.bytes(9, Uint8Array.of(1, 2)))).toEqual([0x4a, 2, 1, 2]);
  });

  it('writes a message within a message', () => {
    expect(bytesOf((to) => to.message(3, (inner) => inner.integer(1, 150)))).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01]);
  });
});
