/** Choice: a select with its label. */
import { useId } from 'react';

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** What each value is called. */
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly onChoose: (value: string) => void;
}

export function Choice({ label, value, options, onChoose }: ChoiceProps) {
  const id = useId();
  return (
    <div className="choice">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChoose(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Options that are called what they are. */
export function plainOptions(values: readonly string[]): ChoiceProps['options'] {
  return values.map((value) => ({ value, text: value }));
}
