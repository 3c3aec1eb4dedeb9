/** Number of seconds as plain decimal digits, at most nine of them after the point; undefined if it is not in time. */
export function formatSeconds(seconds: number): string | undefined {
  if (!(seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER)) return undefined;
  // Below, JavaScript renders an exponent.
  return seconds < 1e-6 ? '0' : String(seconds);
}

/** The seconds and nanoseconds of a protobuf Timestamp likewise. */
export function formatTimestamp(seconds: number, nanos: number): string | undefined {
  if (!(seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER && nanos >= 0 && nanos < 1e9)) return undefined;
  if (nanos === 0) return String(seconds);
  return `${seconds}.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

/** Seconds as whole milliseconds, or undefined beyond what an integer of 64 bits surely holds. */
export function toMilliseconds(seconds: number): string | undefined {
  const ms = Math.round(seconds * 1000);
  return Number.isSafeInteger(ms) ? String(ms === 0 ? 0 : ms) : undefined;
}
