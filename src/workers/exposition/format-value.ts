import { formatBound } from './numbers.ts';

/** Renders a value as Go's clients and the reference implementation do. */
export function formatValue(value: number): string {
  if (Number.isInteger(value) && value < 1e6 && value > -1e6) return value === 0 ? '0' : String(value);
  return Number.isNaN(value) ? 'NaN' : formatBound(value);
}
