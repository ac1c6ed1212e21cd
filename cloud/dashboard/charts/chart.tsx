/** Chart: a titled figure drawn by ECharts, with its numbers as a table below. */
import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import { Numbers } from './data-table.js';
import { init } from './echarts.js';
import type { ChartModel } from './model.js';
import { type ChartContext, type ChartTheme, themes } from './theme.js';

interface ChartProps {
  readonly title: string;
  /** One line under the title: what the picture says. */
  readonly note?: ReactNode;
  /** Builds picture and table; a new function means new data, so memoize it. */
  readonly build: (context: ChartContext) => ChartModel;
  /** `open` shows the table at once; `hidden` where the page shows the same table in full. */
  readonly twin?: 'details' | 'open' | 'hidden';
  /** Told the name of the item that was clicked. */
  readonly onPick?: (name: string) => void;
  /** What stands between the title and the picture. */
  readonly children?: ReactNode;
}

export function Chart({ title, note, build, twin = 'details', onPick, children }: ChartProps) {
  const titleId = useId();
  const [canvas, widthPx] = useWidth<HTMLDivElement>();
  const theme = useChartTheme();
  const model = useMemo(() => build({ theme, widthPx: widthPx || 600 }), [build, theme, widthPx]);
  useEcharts(canvas, model, onPick);
  return (
    <figure className="card chart" aria-labelledby={titleId}>
      <figcaption>
        <h3 id={titleId}>{title}</h3>
        {note !== undefined && <p className="muted">{note}</p>}
      </figcaption>
      {children}
      <div ref={canvas} className="chart-canvas" style={{ height: model.heightPx }} />
      {twin !== 'hidden' && <Numbers table={model.table} name={title} open={twin === 'open'} />}
    </figure>
  );
}

function useEcharts(
  canvas: React.RefObject<HTMLDivElement | null>,
  model: ChartModel,
  onPick?: (name: string) => void,
): void {
  const chart = useRef<ReturnType<typeof init>>(null);
  const pick = useRef(onPick);
  useEffect(() => {
    const created = init(canvas.current!);
    const observer = new ResizeObserver(() => created.resize());
    observer.observe(canvas.current!);
    created.on('click', ({ name }) => {
      if (name) pick.current?.(name);
    });
    chart.current = created;
    return () => {
      observer.disconnect();
      created.dispose();
    };
  }, [canvas]);
  useEffect(() => {
    pick.current = onPick;
  }, [onPick]);
  useEffect(() => {
    chart.current?.setOption(model.option, { replaceMerge: ['series', 'visualMap', 'xAxis', 'yAxis'] });
  }, [model]);
}

/** The element's width in CSS pixels; 0 before it is laid out. */
export function useWidth<E extends HTMLElement>(): [React.RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [widthPx, setWidthPx] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidthPx(Math.round(entry!.contentRect.width)));
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return [element, widthPx];
}

/** The colours that fit the page, which follows the system's choice. */
export function useChartTheme(): ChartTheme {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const listener = () => setDark(query.matches);
    query.addEventListener('change', listener);
    return () => query.removeEventListener('change', listener);
  }, [query]);
  return dark ? themes.dark : themes.light;
}
