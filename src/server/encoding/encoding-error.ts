import type { RequestError } from '../errors.ts';

type Code = Extract<RequestError['code'], 'ERR_BAD_BODY' | 'ERR_BODY_TOO_LARGE'>;

/** The body is not what its Content-Encoding says, or not whole, or cannot be decoded here. A sentence for its sender. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';
  readonly code: Code;

  constructor(message: string, code: Code = 'ERR_BAD_BODY', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function notWhole(encoding: string, detail: string, options?: ErrorOptions): EncodingError {
  return new EncodingError(`the body is not whole or not ${encoding}: ${detail}`, 'ERR_BAD_BODY', options);
}
