/**
 * Writes generated/ from tflite-subset.fbs with `flatc` (Debian: flatbuffers-compiler) and gives the imports the file
 * extensions that Node's modules need. Run by hand after a change of the schema; what it writes is committed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'flatc-'));
execFileSync('flatc', ['--ts', '-o', scratch, join(here, 'tflite-subset.fbs')]);
const generated = join(here, 'generated');
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
for (const file of readdirSync(join(scratch, 'tflite'))) {
  const text = readFileSync(join(scratch, 'tflite', file), 'utf8');
  const head = '// @ts-nocheck: flatc leaves names unused.\n';
  writeFileSync(join(generated, file), head + text.replaceAll(/from '\.\.\/tflite\/(.*)'/g, "from './$1.js'"));
}
rmSync(scratch, { recursive: true });
