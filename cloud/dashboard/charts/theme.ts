/**
 * Colours of the charts, for light and dark pages. Series take Okabe and Ito's palette, scales take viridis: both stay
 * apart for colour-blind eyes. The neutral colours equal the variables in styles.css, which a canvas cannot read.
 */

export interface ChartTheme {
  readonly text: string;
  readonly muted: string;
  readonly gridLine: string;
  readonly surface: string;
  /** A cell that nobody has measured. */
  readonly empty: string;
  /** The lines that hatch it. */
  readonly hatch: string;
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly fourth: string;
  readonly fifth: string;
  /** Time in which something computes, where the rest is what matters. */
  readonly busy: string;
  readonly budget: string;
  /** What is doubtful, or void. */
  readonly doubt: string;
}

export const themes: { readonly light: ChartTheme; readonly dark: ChartTheme } = {
  light: {
    text: '#1b2430',
    muted: '#5a6675',
    gridLine: '#e3e8ee',
    surface: '#ffffff',
    empty: '#eef1f5',
    hatch: '#c3ccd7',
    first: '#0072b2',
    second: '#c55200',
    third: '#00795a',
    fourth: '#a2487f',
    fifth: '#d9a900',
    busy: '#b9d7ea',
    budget: '#b3261e',
    doubt: '#d3302f',
  },
  dark: {
    text: '#e7ecf2',
    muted: '#9aa7b6',
    gridLine: '#2b3644',
    surface: '#17202b',
    empty: '#202b38',
    hatch: '#445365',
    first: '#56b4e9',
    second: '#f0a24a',
    third: '#3fc79a',
    fourth: '#d98bbd',
    fifth: '#f0d54a',
    busy: '#2f5570',
    budget: '#ff8a80',
    doubt: '#ff6b60',
  },
};

/** What a chart is drawn for. */
export interface ChartContext {
  readonly theme: ChartTheme;
  readonly widthPx: number;
}

/** matplotlib's viridis at ten even stops. */
export const viridisStops = [
  '#440154',
  '#482878',
  '#3e4989',
  '#31688e',
  '#26828e',
  '#1f9e89',
  '#35b779',
  '#6ece58',
  '#b5de2b',
  '#fde725',
] as const;

/**
 * From blue through near-white to orange, for ratios around 1: Brewer's RdBu and PuOr, half of each. Blue is faster, orange
 * slower; they stay apart for colour-blind eyes.
 */
export const divergingStops = [
  '#2166ac',
  '#4393c3',
  '#92c5de',
  '#d1e5f0',
  '#f7f7f7',
  '#fee0b6',
  '#fdb863',
  '#e08214',
  '#b35806',
] as const;

/** The colour at `share` 0..1 of evenly spaced stops, as `#rrggbb`. */
export function colorAt(stops: readonly string[], share: number): string {
  const rank = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const lower = channelsOf(stops[Math.floor(rank)]!);
  const upper = channelsOf(stops[Math.ceil(rank)]!);
  const mixed = lower.map((value, index) => Math.round(value + (upper[index]! - value) * (rank % 1)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** viridis at `share` 0..1. */
export function viridis(share: number): string {
  return colorAt(viridisStops, share);
}

/** Near-black or white, whichever is easier to read on `color` (WCAG relative luminance; 0.179 is where both contrast equally). */
export function textOn(color: string): string {
  const [red, green, blue] = channelsOf(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#10161d' : '#ffffff';
}

/** Where `value` stands between `low` and `high` on a log scale, 0..1; one half when they are equal. */
export function logShare(value: number, low: number, high: number): number {
  if (low >= high) return 0.5;
  return (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low));
}

function channelsOf(color: string): number[] {
  return [1, 3, 5].map((start) => Number.parseInt(color.slice(start, start + 2), 16));
}
