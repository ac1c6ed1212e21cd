/** DataTableView: a chart's numbers as a table that sorts by any column and can be had as CSV. */
import { useMemo, useState } from 'react';
import { type Cell, type DataTable, toCsv } from './model.js';

interface Order {
  readonly column: number;
  readonly descending: boolean;
}

/** Rows in the order asked for; numbers by size, text by letters with numbers in it by size. */
export function sortRows(rows: DataTable['rows'], order: Order | null): DataTable['rows'] {
  if (!order) return rows;
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((a, b) => sign * compareCells(a[order.column]!, b[order.column]!));
}

function compareCells(a: Cell, b: Cell): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

interface NumbersProps {
  readonly table: DataTable;
  readonly name: string;
  readonly open?: boolean;
}

/** The numbers of a picture, folded away below it; their rows, of which there may be thousands, are made when they are looked at. */
export function Numbers({ table, name, open = false }: NumbersProps) {
  const [isOpen, setOpen] = useState(open);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers</summary>
      <DataTableView table={table} name={name} withRows={isOpen} />
    </details>
  );
}

interface DataTableProps {
  readonly table: DataTable;
  readonly name: string;
  readonly withRows?: boolean;
}

export function DataTableView({ table, name, withRows = true }: DataTableProps) {
  const [order, setOrder] = useState<Order | null>(null);
  const rows = useMemo(() => (withRows ? sortRows(table.rows, order) : []), [table.rows, order, withRows]);
  const sortBy = (column: number) => setOrder({ column, descending: order?.column === column && !order.descending });
  return (
    <div className="data-table">
      <div className="data-table-bar">
        <span className="muted">{table.rows.length} rows</span>
        <button type="button" onClick={() => download(`${name}.csv`, toCsv(table))}>
          Download CSV
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="scroll" aria-label={`Table: ${name}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {table.columns.map(({ label, format }, column) => (
                <th key={label} scope="col" className={format ? 'number' : ''} aria-sort={ariaSort(order, column)}>
                  <button type="button" className="sort" onClick={() => sortBy(column)}>
                    {label}
                    <span aria-hidden="true">{order?.column === column ? (order.descending ? ' ▼' : ' ▲') : ''}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              // Rows have no name of their own, and nothing in them keeps state.
              <tr key={index}>
                {row.map((cell, column) => {
                  const { label, format } = table.columns[column]!;
                  return (
                    <td key={label} className={format ? 'number' : ''}>
                      {format && typeof cell === 'number' ? format(cell) : cell}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

function ariaSort(order: Order | null, column: number): 'ascending' | 'descending' | 'none' {
  if (order?.column !== column) return 'none';
  return order.descending ? 'descending' : 'ascending';
}

function download(fileName: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}
