/** IdleSplitBar: where the stages' time in a step went, as one bar. */
import type { StepSharesView } from '@bespoke/shared/protocol/pipeline.js';
import { formatPercent } from '../format.js';
import { useChartTheme } from './chart.js';
import { idleSplit, type SharePart, splitText } from './idle-split.js';

/** The bar's own units: it is stretched to the width that there is. */
const length = 1000;

export function IdleSplitBar({ shares }: { readonly shares: StepSharesView }) {
  const parts = idleSplit(shares, useChartTheme());
  return (
    <div className="idle-split">
      <svg
        role="img"
        aria-label={splitText(shares)}
        viewBox={`0 0 ${length} 14`}
        preserveAspectRatio="none"
        width="100%"
        height="14"
      >
        {parts.map(({ name, share, from, meaning, color }) => (
          <rect key={name} x={from * length} width={share * length} height="14" fill={color}>
            <title>{`${name} ${formatPercent(share)}: ${meaning}`}</title>
          </rect>
        ))}
      </svg>
      <ul>
        {parts.map((part) => (
          <Part key={part.name} part={part} />
        ))}
      </ul>
    </div>
  );
}

/** What follows on busy are the causes of the rest. */
function Part({ part: { name, share, meaning, color } }: { readonly part: SharePart }) {
  return (
    <li title={meaning}>
      <svg width="11" height="11" aria-hidden="true">
        <rect width="11" height="11" rx="2" fill={color} />
      </svg>{' '}
      {name} <strong>{formatPercent(share)}</strong>
      {name === 'busy' && (
        <>
          , idle <strong>{formatPercent(1 - share)}</strong>:
        </>
      )}
    </li>
  );
}
