/**
 * Reads zip archives entry by entry, so that an archive larger than memory serves. Names come from the central
 * directory at the end: an archive that lost its end is refused before anything is decoded.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { AppError } from '@bespoke/shared/base/errors.js';

export interface ZipEntry {
  readonly name: string;
  readonly byteCount: number;
  /** The entry's bytes, inflated and checked. Throws `DATA_ARCHIVE_DAMAGED`. */
  read(): Buffer;
}

export interface ZipArchive {
  /** Files only, in the order of the archive. */
  readonly entries: readonly ZipEntry[];
  close(): void;
}

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
const none32 = 0xffffffff;

/** Opens an archive; zip64 is understood, encryption is not. Throws `DATA_ARCHIVE_DAMAGED`. */
export function openZip(path: string): ZipArchive {
  const file = openSync(path, 'r');
  try {
    const { offset, size } = findDirectory(file, path);
    const directory = readAt(file, path, offset, size);
    return { entries: [...parseDirectory(file, path, directory)], close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function findDirectory(file: number, path: string): { offset: number; size: number } {
  const fileSize = fstatSync(file).size;
  const tailStart = Math.max(fileSize - 65_557, 0); // the end record is 22 bytes and a comment of at most 65,535
  const tail = readAt(file, path, tailStart, fileSize - tailStart);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    const size = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    const is64 = offset === none32 || size === none32 || tail.readUInt16LE(at + 10) === 0xffff;
    if (!is64 || at < 20) return { offset, size };
    const record = readAt(file, path, Number(tail.readBigUInt64LE(at - 20 + 8)), 56);
    if (record.readUInt32LE(0) !== end64Signature) damaged(path, 'its zip64 end record is missing');
    return { size: Number(record.readBigUInt64LE(40)), offset: Number(record.readBigUInt64LE(48)) };
  }
  return damaged(path, 'its directory is missing, so it is truncated or no zip file');
}

function* parseDirectory(file: number, path: string, directory: Buffer): Generator<ZipEntry> {
  for (let at = 0; at < directory.length; ) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== entrySignature)
      damaged(path, `its directory is broken at byte ${at}`);
    const nameLength = directory.readUInt16LE(at + 28);
    const extraLength = directory.readUInt16LE(at + 30);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const header: Header = {
      name,
      encrypted: (directory.readUInt16LE(at + 8) & 1) === 1,
      method: directory.readUInt16LE(at + 10),
      checksum: directory.readUInt32LE(at + 16),
      ...sizesOf(directory, at, extra),
    };
    if (!name.endsWith('/')) yield { name, byteCount: header.size, read: () => readEntry(file, path, header) };
    at += 46 + nameLength + extraLength + directory.readUInt16LE(at + 32);
  }
}

interface Header {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly checksum: number;
  readonly size: number;
  readonly packedSize: number;
  readonly offset: number;
}

/** Sizes and place of an entry; those that do not fit 32 bits stand in extra field 1, in this order. */
function sizesOf(directory: Buffer, at: number, extra: Buffer): Pick<Header, 'size' | 'packedSize' | 'offset'> {
  const fields = [directory.readUInt32LE(at + 24), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 42)];
  for (let place = 0; place + 4 <= extra.length; place += 4 + extra.readUInt16LE(place + 2)) {
    if (extra.readUInt16LE(place) !== 1) continue;
    let next = place + 4;
    fields.forEach((value, index) => {
      if (value !== none32) return;
      fields[index] = Number(extra.readBigUInt64LE(next));
      next += 8;
    });
  }
  return { size: fields[0]!, packedSize: fields[1]!, offset: fields[2]! };
}

function readEntry(file: number, path: string, header: Header): Buffer {
  if (header.encrypted) damaged(path, `${header.name} is encrypted`);
  const local = readAt(file, path, header.offset, 30);
  if (local.readUInt32LE(0) !== localSignature) damaged(path, `${header.name} is not where the directory says`);
  const start = header.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  const packed = readAt(file, path, start, header.packedSize);
  let bytes: Buffer;
  try {
    if (header.method !== 0 && header.method !== 8)
      damaged(path, `${header.name} is compressed by method ${header.method}`);
    bytes = header.method === 8 ? inflateRawSync(packed, { maxOutputLength: Math.max(header.size, 1) }) : packed;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return damaged(path, `${header.name} cannot be inflated: ${(error as Error).message}`);
  }
  if (bytes.length !== header.size || crc32(bytes) !== header.checksum)
    damaged(path, `${header.name} fails its checksum`);
  return bytes;
}

function readAt(file: number, path: string, offset: number, byteCount: number): Buffer {
  const buffer = Buffer.allocUnsafe(byteCount);
  for (let done = 0; done < byteCount; ) {
    const got = readSync(file, buffer, done, byteCount - done, offset + done);
    if (got === 0) damaged(path, `it ends at byte ${offset + done}, before byte ${offset + byteCount}`);
    done += got;
  }
  return buffer;
}

function damaged(path: string, problem: string): never {
  throw new AppError('DATA_ARCHIVE_DAMAGED', { path, problem });
}
