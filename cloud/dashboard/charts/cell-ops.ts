/** What the ops of a cell are called in pictures, and their colours: one hue per family, the larger kernel the darker. */
import type { CellOp } from '@bespoke/shared/network/cell-op.js';

export const cellOpLooks: { readonly [O in CellOp]: { readonly label: string; readonly color: string } } = {
  max_pool_3x3: { label: 'max 3×3', color: '#f2e38a' },
  avg_pool_3x3: { label: 'avg 3×3', color: '#c9b13b' },
  skip_connect: { label: 'skip', color: '#8b95a1' },
  sep_conv_3x3: { label: 'sep 3×3', color: '#9ecbec' },
  sep_conv_5x5: { label: 'sep 5×5', color: '#0072b2' },
  sep_conv_7x7: { label: 'sep 7×7', color: '#004a75' },
  dil_conv_3x3: { label: 'dil 3×3', color: '#f7c08a' },
  dil_conv_5x5: { label: 'dil 5×5', color: '#d55e00' },
  inv_res_3x3: { label: 'inv 3×3', color: '#93dcc6' },
  inv_res_5x5: { label: 'inv 5×5', color: '#00795a' },
  conv_7x1_1x7: { label: '7×1·1×7', color: '#9c4f8c' },
};
