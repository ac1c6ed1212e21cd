/** CellDrawing: one of an individual's two cells as a picture. */
import { useId, useMemo } from 'react';
import { type CellBox, type CellParts, cellLayout, cellTable, cellText, opHeight } from './cell-layout.js';
import { cellOpLooks } from './cell-ops.js';
import { useWidth } from './chart.js';
import { Numbers } from './data-table.js';
import { textOn } from './theme.js';

/** A cell is small: it takes the room that there is, up to this. */
const mostScale = 1.4;

export function CellDrawing({ title, cell }: { readonly title: string; readonly cell: CellParts }) {
  const titleId = useId();
  const [element, widthPx] = useWidth<HTMLDivElement>();
  const layout = useMemo(() => cellLayout(cell, widthPx || 600), [cell, widthPx]);
  const scale = Math.min(mostScale, (widthPx || 600) / layout.width);
  const table = useMemo(() => cellTable(cell), [cell]);
  return (
    <figure className="card chart" aria-labelledby={titleId}>
      <figcaption>
        <h3 id={titleId}>{title}</h3>
        <p className="muted">
          0 and 1 are the outputs of the two cells before, 1 the nearer one. A step adds the results of its two ops; its
          number stands above it.
        </p>
      </figcaption>
      <div ref={element} className="cell-canvas">
        <svg
          role="img"
          aria-label={cellText(cell)}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          width={scale * layout.width}
          height={scale * layout.height}
          className="network"
        >
          {layout.wires.map((path, index) => (
            // Two wires may run the same way.
            <path key={index} d={path} className="link" />
          ))}
          {layout.boxes.map((box) =>
            box.ops.length === 0 ? <End key={box.id} box={box} /> : <Step key={box.id} box={box} />,
          )}
        </svg>
      </div>
      <Numbers table={table} name={title} />
    </figure>
  );
}

/** An input or the output. */
function End({ box: { id, x, y, width, height } }: { readonly box: CellBox }) {
  return (
    <g>
      <rect x={x} y={y} width={width} height={height} rx={height / 2} className="cell-end" />
      <text x={x + width / 2} y={y + height / 2 + 4} className="time">
        {id}
      </text>
    </g>
  );
}

function Step({ box: { id, ops, x, y, width } }: { readonly box: CellBox }) {
  return (
    <g>
      <text x={x + width / 2} y={y - 4} className="channels">
        {id}
      </text>
      {ops.map((op, side) => {
        const { label, color } = cellOpLooks[op];
        return (
          // Both ops of a step may be the same.
          <g key={side}>
            <rect x={x} y={y + side * opHeight} width={width} height={opHeight - 1} rx={4} fill={color} />
            <text x={x + width / 2} y={y + (side + 0.5) * opHeight + 3.5} fill={textOn(color)} className="cell-op">
              {label}
            </text>
          </g>
        );
      })}
    </g>
  );
}
