/** Archives that another study may judge anew: of which study, and how its specification is written. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import type { ResolvedSpec } from '../spec.js';

/** The specification of a study that judges the individuals of study `id` anew, on whatever device: what it is for is left open. Throws `ARCHIVE_UNUSABLE`. */
export function rejudgingSpec(id: string, archive: ArchivedStudy): ResolvedSpec {
  const { spec } = archive;
  const rejudging = {
    ...spec,
    name: `${spec.name} again`.slice(0, 100),
    device: null,
    budgetMs: null,
    budgetFraction: null,
    evolution: { ...spec.evolution, archiveOf: id, alsoOn: [] },
  };
  checkArchive(rejudging, archive);
  return rejudging;
}

/** A study as it is known where another one asks for its archive. */
export interface ArchivedStudy {
  readonly status: string;
  readonly spec: ResolvedSpec;
}

/** Throws `ARCHIVE_UNUSABLE` unless the individuals of that study are what this one would have trained. */
export function checkArchive(spec: ResolvedSpec, archive: ArchivedStudy | null): void {
  const problem = problemOf(spec, archive);
  if (problem !== null) throw new AppError('ARCHIVE_UNUSABLE', { id: spec.evolution.archiveOf!, problem });
}

function problemOf(spec: ResolvedSpec, archive: ArchivedStudy | null): string | null {
  if (archive === null) return 'there is no such study';
  if (archive.spec.method !== 'eeea') return 'it evolved nothing';
  if (archive.status !== 'finished') return `it is ${archive.status}, not finished`;
  const differing = Object.entries(sections).find(([, of]) => hashJson(of(archive.spec)) !== hashJson(of(spec)));
  return differing ? `its "${differing[0]}" differs (of what "bespoke study rejudge" writes nothing does)` : null;
}

/** What individuals of two studies must have in common. */
const sections: Readonly<Record<string, (spec: ResolvedSpec) => unknown>> = {
  data: ({ data }) => data,
  'evolution.cells': ({ evolution }) => evolution.cells,
  space: ({ space, evolution }) => (evolution.cells === null ? space : null),
  'evolution.evaluation': ({ evolution }) => evolution.evaluation,
};
