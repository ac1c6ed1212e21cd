/** RevokeButton: sends a device's agent away for good; what it measured stays. */
import type { DeviceView } from '@bespoke/shared/protocol/api.js';
import { callApi } from '../api.js';
import { ConfirmButton } from './confirm-button.js';

export function RevokeButton({ device: { id, revoked } }: { readonly device: DeviceView }) {
  if (revoked) return <span className="cancel muted">revoked: to let it back in, add it as a device again</span>;
  return (
    <ConfirmButton
      label="Revoke"
      question="Send it away? Its measurements stay."
      yes="Revoke it"
      no="Keep it"
      act={() => callApi('POST /api/devices/:id/revoke', { id })}
    />
  );
}
