/** ProtobufWriter: writes one protobuf message field by field. The few wire types that formats here need, and no schema. */

/** The last three bits of a field's tag. */
const wire = { varint: 0, bytes: 2, fixed32: 5 } as const;

export class ProtobufWriter {
  private readonly chunks: Uint8Array[] = [];
  private byteCount = 0;

  /** int32, int64 or an enum: a whole number within ±2^53. */
  integer(field: number, value: number): void {
    this.tag(field, wire.varint);
    this.varint(BigInt.asUintN(64, BigInt(value))); // negative numbers are written as 64 bits in two's complement
  }

  float(field: number, value: number): void {
    this.tag(field, wire.fixed32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.push(bytes);
  }

  string(field: number, text: string): void {
    this.bytes(field, new TextEncoder().encode(text));
  }

  /** `bytes` must stay as they are until `finish`: they are not copied before. */
  bytes(field: number, bytes: Uint8Array): void {
    this.tag(field, wire.bytes);
    this.varint(BigInt(bytes.length));
    this.push(bytes);
  }

  /** A message within this one. */
  message(field: number, write: (inner: ProtobufWriter) => void): void {
    const inner = new ProtobufWriter();
    write(inner);
    this.embed(field, inner);
  }

  /** A message within this one that is written already; nothing is added to it afterwards. */
  embed(field: number, inner: ProtobufWriter): void {
    this.tag(field, wire.bytes);
    this.varint(BigInt(inner.byteCount));
    for (const chunk of inner.chunks) this.push(chunk);
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.byteCount);
    let at = 0;
    for (const chunk of this.chunks) {
      result.set(chunk, at);
      at += chunk.length;
    }
    return result;
  }

  private tag(field: number, type: number): void {
    this.varint(BigInt((field << 3) | type));
  }

  /** Seven bits per byte, the lowest first; the eighth says that more follow. */
  private varint(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    this.push(Uint8Array.from(bytes));
  }

  private push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.byteCount += chunk.length;
  }
}
