/** TrainingChoice: one process or a pipeline, written as `train.pipeline` into the specification. */
import { stagesIn, withStages } from '../training-choice.js';
import { Choice } from './choice.js';

/** Stages that are offered; others can be written. */
const offeredStages = [2, 3, 4, 6, 8];

interface TrainingChoiceProps {
  readonly yaml: string;
  readonly onChange: (yaml: string) => void;
}

/** Not there while the specification cannot be read. */
export default function TrainingChoice({ yaml, onChange }: TrainingChoiceProps) {
  const stages = stagesIn(yaml);
  if (stages === undefined) return null;
  const counts = [...new Set([...offeredStages, ...(stages === null ? [] : [stages])])].sort((a, b) => a - b);
  return (
    <Choice
      label="Training"
      value={stages === null ? '' : String(stages)}
      options={[
        { value: '', text: 'one process' },
        ...counts.map((count) => ({ value: String(count), text: `pipeline of ${count} stages` })),
      ]}
      onChoose={(value) => onChange(withStages(yaml, value === '' ? null : Number(value)))}
    />
  );
}
