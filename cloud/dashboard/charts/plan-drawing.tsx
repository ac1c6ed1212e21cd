/** PlanDrawing: where a pipeline cuts the network, and what each stage takes, in time and in memory. */
import type { Network } from '@bespoke/shared/network/network.js';
import type { PipelinePlanView } from '@bespoke/shared/protocol/pipeline.js';
import { useMemo } from 'react';
import { blockLabel, formatMB, formatMs } from '../format.js';
import { useChartTheme, useWidth } from './chart.js';
import { Numbers } from './data-table.js';
import { cutsText, planLayout, planTable, type StageBox } from './plan-layout.js';
import { textOn } from './theme.js';

const [nameHeight, blockHeight, footHeight] = [20, 34, 20];
const height = nameHeight + blockHeight + footHeight;
/** Room that letters need, about. */
const letterPx = 6;

interface PlanDrawingProps {
  readonly plan: PipelinePlanView;
  readonly network: Network;
}

export function PlanDrawing({ plan, network }: PlanDrawingProps) {
  return (
    <figure className="card chart" aria-labelledby="plan-title">
      <figcaption>
        <h3 id="plan-title">Plan: the network in {plan.stages.length} stages</h3>
        <p className="muted">
          A stage is as wide as a micro-batch is predicted to take on it, forward and backward. The slowest decides how
          long a step takes.
        </p>
      </figcaption>
      <Strip plan={plan} network={network} />
      <StageList plan={plan} />
      <Numbers table={planTable(plan)} name="Plan of the pipeline" />
    </figure>
  );
}

function Strip({ plan, network }: PlanDrawingProps) {
  const [element, widthPx] = useWidth<HTMLDivElement>();
  const width = widthPx || 600;
  const layout = useMemo(() => planLayout(plan, width), [plan, width]);
  const labels = useMemo(() => new Map(network.blocks.map((block) => [block.id, blockLabel(block)])), [network]);
  return (
    <div ref={element}>
      <svg
        role="img"
        aria-label={`${network.name}, ${cutsText(plan)}`}
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        className="network"
      >
        {layout.stages.map((box) => (
          <Stage key={box.stage} box={box} labels={labels} />
        ))}
        {layout.cuts.map(({ x, id }) => (
          <path key={id} d={`M${x} 2V${height - 2}`} className="cut">
            <title>{`cut before ${id}`}</title>
          </path>
        ))}
      </svg>
    </div>
  );
}

function Stage({ box, labels }: { readonly box: StageBox; readonly labels: ReadonlyMap<string, string> }) {
  const theme = useChartTheme();
  const fits = (text: string, width: number) => text.length * letterPx <= width;
  const long = `stage ${box.stage}`;
  const time = formatMs(box.ms);
  const middle = box.x + box.width / 2;
  return (
    <g>
      <text x={middle} y={nameHeight - 6} className="time">
        {fits(long, box.width) ? long : box.stage}
      </text>
      {box.blocks.map(({ id, x, width }) => (
        <g key={id}>
          <title>{`${id}: ${labels.get(id)}`}</title>
          <rect x={x} y={nameHeight} width={Math.max(width - 1, 1)} height={blockHeight} rx={3} fill={theme.first} />
          {fits(labels.get(id)!, width) && (
            <text x={x + width / 2} y={nameHeight + blockHeight / 2 + 4} fill={textOn(theme.first)}>
              {labels.get(id)}
            </text>
          )}
        </g>
      ))}
      {fits(time, box.width) && (
        <text x={middle} y={height - 5} className="channels">
          {time}
        </text>
      )}
    </g>
  );
}

/** The bars of memory end at what is allowed, else at what the largest stage needs. */
function StageList({ plan: { stages, capBytes } }: { readonly plan: PipelinePlanView }) {
  const mostBytes = capBytes ?? Math.max(...stages.map(({ byteCount }) => byteCount));
  return (
    <ol className="stage-list">
      {stages.map(({ blocks, forwardMs, backwardMs, byteCount }, stage) => (
        <li key={blocks[0]} className="stage-row">
          <strong>stage {stage}</strong>
          <span className="blocks">
            {blocks.length === 1 ? blocks[0] : `${blocks[0]} … ${blocks.at(-1)}`}
            <span className="muted">
              {blocks.length} {blocks.length === 1 ? 'block' : 'blocks'}, {formatMs(forwardMs)} forward,{' '}
              {formatMs(backwardMs)} backward
            </span>
          </span>
          <span className="memory">
            <progress value={byteCount} max={mostBytes} aria-label={`Memory of stage ${stage}`} />
            {formatMB(byteCount)}
            {capBytes !== null && <span className="muted"> of {formatMB(capBytes)}</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
