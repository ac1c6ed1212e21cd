/**
 * safetensors: weights as one file that every framework reads.
 *
 *   u64 little-endian: length of the header | header: JSON {name: {dtype, shape, data_offsets}, __metadata__} | data
 *
 * Names are `<nodeId>/<weight>`, layouts those of weights.ts; only F32 is written and read. Data starts 8-byte aligned.
 */
import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { elementCount } from './tensor.js';
import type { Weights, WeightTensor } from './weights.js';

export type SafetensorsMetadata = Readonly<Record<string, string>>;

const entrySchema = z.object({
  dtype: z.literal('F32'),
  shape: z.array(z.number().int().min(0)).max(8),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});
const headerSchema = z.record(z.string(), z.union([entrySchema, z.record(z.string(), z.string())]));
const metadataKey = '__metadata__';

/** The bytes of a safetensors file. */
export function encodeSafetensors(weights: Weights, metadata: SafetensorsMetadata = {}): Uint8Array {
  const header: Record<string, unknown> = { [metadataKey]: metadata };
  let dataSize = 0;
  for (const [name, { shape, values }] of weights) {
    const end = dataSize + values.length * 4;
    header[name] = { dtype: 'F32', shape, data_offsets: [dataSize, end] };
    dataSize = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerSize = Math.ceil(json.length / 8) * 8; // padded with spaces, as the format allows
  const bytes = new Uint8Array(8 + headerSize + dataSize);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerSize), true);
  bytes.fill(0x20, 8, 8 + headerSize).set(json, 8);
  let at = 8 + headerSize;
  for (const { values } of weights.values()) {
    writeFloats(view, at, values);
    at += values.length * 4;
  }
  return bytes;
}

/** Reads a safetensors file; the values are copies. Throws `SAFETENSORS_INVALID`. */
export function decodeSafetensors(bytes: Uint8Array): {
  weights: Map<string, WeightTensor>;
  metadata: SafetensorsMetadata;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) invalid(`it has ${bytes.length} bytes, too few for a header`);
  const headerSize = Number(view.getBigUint64(0, true));
  if (headerSize > bytes.length - 8)
    invalid(`its header should have ${headerSize} bytes, but only ${bytes.length - 8} follow`);
  const header = parseHeader(bytes.subarray(8, 8 + headerSize));
  const dataStart = 8 + headerSize;
  const weights = new Map<string, WeightTensor>();
  let metadata: SafetensorsMetadata = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) {
      metadata = entry as SafetensorsMetadata;
      continue;
    }
    const { shape, data_offsets } = entry as z.infer<typeof entrySchema>;
    const [begin, end] = data_offsets;
    const count = elementCount(shape);
    if (end - begin !== count * 4 || dataStart + end > bytes.length) {
      invalid(
        `"${name}" should have ${count * 4} bytes at ${begin}, but has ${end - begin} of ${bytes.length - dataStart}`,
      );
    }
    weights.set(name, { shape, values: readFloats(view, dataStart + begin, count) });
  }
  return { weights, metadata };
}

function parseHeader(bytes: Uint8Array): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new AppError(
      'SAFETENSORS_INVALID',
      { problem: `its header is wrong: ${(cause as Error).message}` },
      { cause },
    );
  }
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function writeFloats(view: DataView, at: number, values: Float32Array): void {
  if (isLittleEndian)
    new Uint8Array(view.buffer, at).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  else for (const [index, value] of values.entries()) view.setFloat32(at + index * 4, value, true);
}

function readFloats(view: DataView, at: number, count: number): Float32Array {
  const start = view.byteOffset + at;
  if (isLittleEndian) return new Float32Array(view.buffer.slice(start, start + count * 4));
  return Float32Array.from({ length: count }, (_, index) => view.getFloat32(at + index * 4, true));
}

function invalid(problem: string): never {
  throw new AppError('SAFETENSORS_INVALID', { problem });
}
