/** NetworkDrawing: the found network as a picture, each block painted by the time it is predicted to take. */
import type { LatencyTable } from '@bespoke/shared/latency/table.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { useMemo } from 'react';
import { formatMs, formatSignificant } from '../format.js';
import { useChartTheme, useWidth } from './chart.js';
import { Numbers } from './data-table.js';
import type { DataTable } from './model.js';
import { type BlockBox, networkLayout } from './network-layout.js';
import { textOn, viridis, viridisStops } from './theme.js';

/** Room left and right for the stubs that tie rows together. */
const marginPx = 10;

export function NetworkDrawing({ network, table }: { readonly network: Network; readonly table: LatencyTable }) {
  const [element, widthPx] = useWidth<HTMLDivElement>();
  const { muted } = useChartTheme();
  const layout = useMemo(
    () => networkLayout(network, table, (widthPx || 600) - 2 * marginPx),
    [network, table, widthPx],
  );
  const highMs = longestMs(layout.boxes);
  return (
    <figure className="card chart" aria-labelledby="network-title">
      <figcaption>
        <h3 id="network-title">Found network: {network.name}</h3>
        <p className="muted">
          Read from left to right. Boxes are as high as the map, as wide as the channels are many; k is the kernel, e
          the expansion. Below each: output channels and predicted latency.
        </p>
      </figcaption>
      <div ref={element}>
        <svg
          role="img"
          aria-label={`Chain of ${layout.boxes.length} blocks: ${layout.boxes.map((box) => box.lines.join(' ')).join(', ')}`}
          viewBox={`${-marginPx} 0 ${layout.width + 2 * marginPx} ${layout.height}`}
          width={layout.width + 2 * marginPx}
          height={layout.height}
          className="network"
        >
          {layout.stages.map((stage) => (
            <g key={`${stage.x} ${stage.y}`}>
              <path d={`M${stage.x} ${stage.y + 21}v-4h${stage.width}v4`} className="bracket" />
              <text x={stage.x + stage.width / 2} y={stage.y + 12} className="stage">
                {stage.label}
              </text>
            </g>
          ))}
          <path d={layout.links.join('')} className="link" />
          {layout.boxes.map((box) => (
            <Block key={box.id} box={box} highMs={highMs} muted={muted} />
          ))}
        </svg>
      </div>
      {highMs > 0 && <Scale highMs={highMs} />}
      <Numbers table={blockTable(layout.boxes)} name={`Blocks of ${network.name}`} />
    </figure>
  );
}

/** The longest block's time, where the scale ends: linear from 0, so that colour says where the time goes. */
function longestMs(boxes: readonly BlockBox[]): number {
  return Math.max(0, ...boxes.map(({ latencyMs }) => latencyMs ?? 0));
}

function Block({ box, highMs, muted }: { readonly box: BlockBox; readonly highMs: number; readonly muted: string }) {
  const color = box.latencyMs ? viridis(box.latencyMs / highMs) : null;
  const middleX = box.x + box.width / 2;
  const firstY = box.y + box.height / 2 - 6.5 * (box.lines.length - 1) + 4.5;
  const footY = box.y + box.height + 14;
  const time = box.latencyMs === null ? 'not measured' : formatMs(box.latencyMs);
  return (
    <g>
      <title>{`${box.id}: ${box.lines.join(' ')}, ${box.input} → ${box.outChannels}, ${time}`}</title>
      <rect
        x={box.x}
        y={box.y}
        width={box.width}
        height={box.height}
        rx={5}
        fill={color ?? 'none'}
        className={color ? 'block' : 'block hollow'}
      />
      {box.lines.map((line, index) => (
        <text
          key={line}
          x={middleX}
          y={firstY + 13 * index}
          fill={color ? textOn(color) : muted}
          className="block-label"
        >
          {line}
        </text>
      ))}
      <text x={middleX} y={footY} className="channels">
        {box.outChannels}
      </text>
      <text x={middleX} y={footY + 14} className="time">
        {box.latencyMs === null ? '?' : formatSignificant(box.latencyMs)}
      </text>
    </g>
  );
}

function Scale({ highMs }: { readonly highMs: number }) {
  return (
    <p className="scale">
      0 ms
      <svg width="160" height="10" aria-hidden="true">
        {viridisStops.map((color, index) => (
          <rect key={color} x={16 * index} width={16.5} height={10} fill={color} />
        ))}
      </svg>
      {formatMs(highMs)} <span className="muted">(predicted)</span>
    </p>
  );
}

function blockTable(boxes: readonly BlockBox[]): DataTable {
  return {
    columns: [
      { label: 'block' },
      { label: 'what' },
      { label: 'input' },
      { label: 'out', format: String },
      { label: 'predicted (ms)', format: formatSignificant },
    ],
    rows: boxes.map((box) => [
      box.id,
      box.lines.join(' '),
      box.input,
      box.outChannels,
      box.latencyMs ?? 'not measured',
    ]),
  };
}
