/** StudyForm: a specification in YAML, with the server's objections shown at their line. */
import type { ApiError } from '@bespoke/shared/protocol/api.js';
import { type FormEvent, lazy, Suspense, useEffect, useId, useRef, useState } from 'react';
import { ApiFailure, callApi } from '../api.js';
import { defaultSpec } from '../default-spec.js';
import { studyHash, useChoices } from '../route.js';
import { lineOf, lineRange } from '../yaml-lines.js';

/** Loaded beside the page: it reads YAML, which nothing else here does. */
const TrainingChoice = lazy(() => import('./training-choice.js'));

export function StudyForm() {
  const [yaml, setYaml] = useState(defaultSpec);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [choice] = useChoices();
  const archive = choice('rejudge');
  useEffect(() => {
    if (archive === null) return;
    let isShown = true;
    callApi('GET /api/studies/:id/rejudging', { id: archive }).then(
      (answer) => {
        if (!isShown) return;
        setYaml(answer.yaml);
        setError(null);
      },
      (failure) => isShown && setError(failure as ApiFailure),
    );
    return () => {
      isShown = false;
    };
  }, [archive]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const study = await callApi('POST /api/studies', { body: { yaml } });
      location.hash = studyHash(study.id);
    } catch (failure) {
      if (!(failure instanceof ApiFailure)) throw failure;
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <form className="card study-form" onSubmit={submit}>
      {archive !== null && (
        <p>
          Judges the networks of study <a href={studyHash(archive)}>{archive}</a> anew. Fill in <code>device</code> and{' '}
          <code>budgetMs</code> (or <code>budgetFraction</code>); nothing is trained until one is chosen.
        </p>
      )}
      <YamlEditor yaml={yaml} error={error} onChange={setYaml} />
      <Suspense>
        <TrainingChoice yaml={yaml} onChange={setYaml} />
      </Suspense>
      <button type="submit" className="primary" disabled={busy}>
        {busy ? 'Starting …' : 'Start study'}
      </button>
    </form>
  );
}

interface EditorProps {
  readonly yaml: string;
  readonly error: ApiError | null;
  readonly onChange: (yaml: string) => void;
}

function YamlEditor({ yaml, error, onChange }: EditorProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const badLine = error && lineOf(error.message);
  const lines = yaml.split('\n');
  const goTo = (line: number) => {
    area.current!.focus();
    area.current!.setSelectionRange(...lineRange(yaml, line));
  };
  return (
    <>
      <label htmlFor={id}>
        Specification <span className="muted">(YAML)</span>
      </label>
      <div className="editor">
        <div className="gutter" aria-hidden="true">
          {lines.map((_, index) => (
            <span key={index} className={index + 1 === badLine ? 'bad' : ''}>
              {index + 1}
            </span>
          ))}
        </div>
        <textarea
          id={id}
          ref={area}
          value={yaml}
          rows={lines.length + 1}
          spellCheck={false}
          autoCapitalize="off"
          wrap="off"
          aria-invalid={error !== null}
          aria-describedby={error ? `${id}-error` : undefined}
          onChange={(event) => onChange(event.target.value)}
        />
      </div>
      {error && (
        <div className="error" role="alert" id={`${id}-error`}>
          <p>{error.message}</p>
          {badLine !== null && (
            <button type="button" onClick={() => goTo(badLine)}>
              Go to line {badLine}
            </button>
          )}
        </div>
      )}
    </>
  );
}
