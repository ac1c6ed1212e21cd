/** ConfirmButton: a button that asks once more, and says why where the cloud objects. */
import { useState } from 'react';

export interface ConfirmButtonProps {
  /** What the button says. */
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  readonly act: () => Promise<unknown>;
}

export function ConfirmButton({ label, question, yes, no, act }: ConfirmButtonProps) {
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const confirm = () => {
    setAsking(false);
    act().catch((error: Error) => setFailure(error.message));
  };
  if (!asking) {
    return (
      <span className="cancel">
        <button type="button" onClick={() => setAsking(true)}>
          {label}
        </button>
        {failure !== null && <span role="alert">{failure}</span>}
      </span>
    );
  }
  return (
    <span className="cancel">
      {question}
      <button type="button" className="danger" onClick={confirm}>
        {yes}
      </button>
      <button type="button" onClick={() => setAsking(false)}>
        {no}
      </button>
    </span>
  );
}
