/** Sizes in bytes and times in milliseconds, so that a constant reads as what it means: `64 * KIB`, `5 * SECOND`. */
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
