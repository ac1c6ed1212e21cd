/**
 * Images by class, in a folder or a zip: `train/<class>/*` and `test/<class>/*` (and `val/<class>/*`), or only `<class>/*`.
 * The folder's name is the class; folders above (as zips often have one) are skipped.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import sharp from 'sharp';
import { expectRoom, imagesSideBySide } from './side-by-side.js';
import type { Samples, SourceData, SourceOptions } from './source.js';
import { openZip } from './zip.js';

/** A file of the source: its path inside it, and how to get its bytes. */
interface ImageFile {
  readonly path: string;
  read(): Buffer | Promise<Buffer>;
}

type Part = 'train' | 'test' | 'validation';

const extensions = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
const partNames: Readonly<Record<string, Part>> = {
  train: 'train',
  training: 'train',
  test: 'test',
  testing: 'test',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
};

/** Reads a folder of images by class. Throws `DATA_*`. */
export async function readImageFolder(path: string, options: SourceOptions): Promise<SourceData> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  const files = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(path, file).split(sep).join('/'), read: () => readFile(file) }));
  return readImages(path, files, options);
}

/** Reads a zip of images by class. Throws `DATA_*`. */
export async function readImageZip(path: string, options: SourceOptions): Promise<SourceData> {
  const archive = openZip(path);
  try {
    return await readImages(
      path,
      archive.entries.map((entry) => ({ path: entry.name, read: () => entry.read() })),
      options,
    );
  } finally {
    archive.close();
  }
}

async function readImages(source: string, files: readonly ImageFile[], options: SourceOptions): Promise<SourceData> {
  const layout = layOut(source, files.filter(isImage));
  const total = layout.parts.reduce((sum, part) => sum + part.files.length, 0);
  const first = await decode(layout.parts[0]!.files[0]!, options.resolution);
  expectRoom(total, [first.height, first.width, 3]);
  const decoder = new Decoder(first.height, first.width, total, options);
  const parts: { [P in Part]?: Samples } = {};
  for (const part of layout.parts)
    parts[part.name] = { images: await decoder.decodeAll(part.files), labels: part.labels };
  return {
    name: basename(source).replace(/\.zip$/i, ''),
    classes: layout.classes,
    height: first.height,
    width: first.width,
    channels: 3,
    ...(parts as { train: Samples }),
  };
}

/** Hidden files and the folder that macOS adds to zips are no part of a data set. */
function isImage({ path }: ImageFile): boolean {
  return extensions.test(path) && !path.split('/').some((name) => name.startsWith('.') || name === '__MACOSX');
}

interface Layout {
  readonly classes: readonly string[];
  readonly parts: readonly {
    readonly name: Part;
    readonly files: readonly ImageFile[];
    readonly labels: Uint16Array;
  }[];
}

/** Which file belongs to which part and class. Throws `DATA_NO_IMAGES`, `DATA_ONE_CLASS`, `DATA_CLASSES_DIFFER`. */
function layOut(source: string, files: readonly ImageFile[]): Layout {
  const grouped = new Map<Part, Map<string, ImageFile[]>>();
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const names = file.path.split('/');
    const className = names.at(-2);
    if (className === undefined) continue; // an image outside any class folder
    const part = partNames[names.at(-3)?.toLowerCase() ?? ''] ?? 'train';
    if (!grouped.has(part)) grouped.set(part, new Map());
    const classes = grouped.get(part)!;
    if (!classes.has(className)) classes.set(className, []);
    classes.get(className)!.push(file);
  }
  const train = grouped.get('train');
  if (!train) throw new AppError('DATA_NO_IMAGES', { path: source });
  const classes = [...train.keys()].sort();
  if (classes.length < 2) throw new AppError('DATA_ONE_CLASS', { path: source, name: classes[0]! });
  for (const [split, found] of grouped) expectClasses(classes, [...found.keys()], split);
  return {
    classes,
    parts: [...grouped].map(([name, found]) => ({
      name,
      files: classes.flatMap((className) => found.get(className)!),
      labels: Uint16Array.from(classes.flatMap((className, label) => found.get(className)!.map(() => label))),
    })),
  };
}

function expectClasses(classes: readonly string[], found: readonly string[], split: string): void {
  const missing = classes.filter((name) => !found.includes(name));
  const unexpected = found.filter((name) => !classes.includes(name));
  if (missing.length + unexpected.length > 0) {
    throw new AppError('DATA_CLASSES_DIFFER', {
      split,
      missing: missing.join(', '),
      unexpected: unexpected.join(', '),
    });
  }
}

/** Decodes many files at once into one array, in order. */
class Decoder {
  private done = 0;
  constructor(
    private readonly height: number,
    private readonly width: number,
    private readonly total: number,
    private readonly options: SourceOptions,
  ) {}

  decodeAll(files: readonly ImageFile[]): Promise<Uint8Array> {
    return imagesSideBySide(files.length, this.height * this.width * 3, async (index) => {
      const { data, height, width } = await decode(files[index]!, this.options.resolution);
      if (height !== this.height || width !== this.width) {
        const expected = `${this.width}x${this.height}`;
        throw new AppError('DATA_SIZES_DIFFER', { path: files[index]!.path, expected, got: `${width}x${height}` });
      }
      if (++this.done % 500 === 0 || this.done === this.total) {
        this.options.onProgress?.({ what: 'images', done: this.done, total: this.total });
      }
      return data;
    });
  }
}

/** RGB pixels [height, width, 3]; covers resolution x resolution, cut at the middle, where one is asked. Throws `DATA_IMAGE_INVALID`. */
async function decode(
  file: ImageFile,
  resolution: number | undefined,
): Promise<{ data: Buffer; height: number; width: number }> {
  const bytes = await file.read();
  try {
    let image = sharp(bytes, { failOn: 'error', autoOrient: true }).toColourspace('srgb').removeAlpha();
    if (resolution !== undefined) image = image.resize(resolution, resolution, { fit: 'cover' });
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { data, height: info.height, width: info.width };
  } catch (cause) {
    throw new AppError('DATA_IMAGE_INVALID', { path: file.path, problem: (cause as Error).message }, { cause });
  }
}
