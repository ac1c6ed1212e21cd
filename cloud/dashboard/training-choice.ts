/** How a specification trains what it finds, read from its YAML and written into it; the rest of the text stays, comments too. */
import { isMap, parseDocument } from 'yaml';

const path = ['train', 'pipeline'] as const;

/** Stages of the pipeline, as written; null: one process. Undefined where the text is no YAML, or says something else. */
export function stagesIn(yaml: string): number | null | undefined {
  const document = parseDocument(yaml);
  if (document.errors.length > 0 || !isMap(document.contents)) return undefined;
  if (!document.has('train')) return null;
  const train: unknown = document.get('train');
  // The name of a preset.
  if (typeof train === 'string') return null;
  if (!isMap(train)) return undefined;
  const pipeline: unknown = train.get('pipeline');
  // As yaml gives a null that is written.
  if (pipeline === undefined) return null;
  const stages: unknown = isMap(pipeline) && pipeline.get('stages');
  return typeof stages === 'number' ? stages : undefined;
}

/** The same specification with so many stages; null: one process. Of a text in which `stagesIn` finds something. */
export function withStages(yaml: string, stages: number | null): string {
  const document = parseDocument(yaml);
  const preset = document.get('train');
  if (typeof preset === 'string') document.set('train', document.createNode({ preset }));
  if (stages === null) {
    document.deleteIn(path);
    const train = document.get('train');
    if (isMap(train) && train.items.length === 0) document.delete('train');
  } else if (isMap(document.getIn(path))) document.setIn([...path, 'stages'], stages);
  else document.setIn(path, document.createNode({ stages, microBatches: 'auto' }, { flow: true }));
  return document.toString({ lineWidth: 0 });
}
