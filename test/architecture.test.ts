/** Draws the arrows between the rooms from the sources' imports and holds them to the allowed ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const shared = [
  'shared/base',
  'shared/graph',
  'shared/network',
  'shared/cost',
  'shared/format',
  'shared/tfjs',
  'shared/latency',
  'shared/protocol',
];

/** Which rooms a room may import from, besides itself. `cloud` and `agent` are the files that lie directly in them; the settings are a room of one file. */
const allowed: { readonly [room: string]: readonly string[] } = {
  'shared/base': [],
  'shared/graph': ['shared/base'],
  'shared/network': ['shared/base', 'shared/graph'],
  'shared/cost': ['shared/base', 'shared/graph'],
  'shared/format': ['shared/base', 'shared/graph'],
  'shared/tfjs': ['shared/base', 'shared/graph'],
  'shared/latency': ['shared/base', 'shared/graph', 'shared/network'],
  'shared/protocol': ['shared/base', 'shared/graph', 'shared/network', 'shared/latency'],
  agent: [...shared, 'agent/runtime'],
  'agent/runtime': shared,
  'cloud/config': shared,
  'cloud/store': shared,
  'cloud/fleet': [...shared, 'cloud/config', 'cloud/store'],
  'cloud/yaml': shared,
  'cloud/train': [...shared, 'cloud/yaml'],
  'cloud/search': [...shared, 'cloud/yaml', 'cloud/train'],
  'cloud/export': shared,
  'cloud/dashboard': shared,
  'cloud/server': [
    ...shared,
    'cloud/config',
    'cloud/store',
    'cloud/fleet',
    'cloud/train',
    'cloud/search',
    'cloud/export',
  ],
  'cloud/cli': [
    ...shared,
    'cloud',
    'cloud/config',
    'cloud/store',
    'cloud/fleet',
    'cloud/train',
    'cloud/search',
    'cloud/export',
    'cloud/server',
  ],
  cloud: [
    ...shared,
    'cloud/cli',
    'cloud/config',
    'cloud/store',
    'cloud/fleet',
    'cloud/train',
    'cloud/search',
    'cloud/export',
    'cloud/server',
  ],
};

/** Arrows that only types may take. */
const allowedTypes: { readonly [room: string]: readonly string[] } = {
  'cloud/train': ['cloud/search'],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

const skipped = new Set(['node_modules', 'dist', 'build', 'generated']);

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : sourcesUnder(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

const statement =
  /^(?:import|export)\s+(type\s+)?([^;'"]*?)\s*from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** The imports of one source that stay within the project, as paths of sources without their ending. */
function importsOf(source: string): Import[] {
  const from = source.replace(/\.tsx?$/, '');
  return [...readFileSync(join(root, source), 'utf8').matchAll(statement)].flatMap(([, type, names, ...specifiers]) => {
    const specifier = specifiers.find((value) => value !== undefined)!;
    const to = specifier.startsWith('.')
      ? normalize(join(dirname(source), specifier))
      : specifier.replace(/^@bespoke\//, '');
    if (!specifier.startsWith('.') && to === specifier) return [];
    const named = names
      ?.match(/^\{([^}]*)\}$/)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const typesOnly =
      type !== undefined ||
      (named !== undefined && named.length > 0 && named.every((name) => name.startsWith('type ')));
    return [{ from, to: to.replace(/\.js$/, ''), typesOnly }];
  });
}

function roomOf(path: string): string {
  if (path in allowed) return path;
  const [first, second, ...rest] = path.split('/');
  return rest.length > 0 ? `${first}/${second}` : first!;
}

const imports = ['shared', 'agent', 'cloud'].flatMap(sourcesUnder).flatMap(importsOf);

/** The first cycle that a walk finds, or null. */
function findCycle(arrows: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): readonly string[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const next of arrows.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return null;
  };
  for (const node of arrows.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return null;
}

describe('architecture', () => {
  it('reads the imports of every room', () => {
    const rooms = new Set(imports.map(({ from }) => roomOf(from)));
    expect([...rooms].filter((room) => !(room in allowed))).toEqual([]);
    expect(imports).toContainEqual({ from: 'shared/network/lower', to: 'shared/graph/graph', typesOnly: false });
  });

  it('draws no arrow between rooms but the allowed ones', () => {
    const wrong = imports.filter(({ from, to, typesOnly }) => {
      const [source, target] = [roomOf(from), roomOf(to)];
      return (
        source !== target &&
        !allowed[source]?.includes(target) &&
        !(typesOnly && allowedTypes[source]?.includes(target))
      );
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('imports no file in a circle, types excepted', () => {
    const arrows = new Map<string, string[]>();
    for (const { from, to, typesOnly } of imports) if (!typesOnly) arrows.set(from, [...(arrows.get(from) ?? []), to]);
    expect(findCycle(arrows)).toBeNull();
  });

  it('keeps shared pure: it imports nothing of Node', () => {
    const impure = sourcesUnder('shared').filter((path) => /from 'node:/.test(readFileSync(join(root, path), 'utf8')));
    expect(impure.map((path) => relative('shared', path))).toEqual([]);
  });
});
