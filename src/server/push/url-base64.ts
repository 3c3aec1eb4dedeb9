/** The part before what is wrong decodes to `decoded`; `at` is the offset of what is wrong. */
export class Base64Error extends Error {
  override readonly name = 'Base64Error';
  readonly decoded: Buffer;

  constructor(at: number, decoded: Buffer) {
    super(`illegal base64 data at input byte ${at}`);
    this.decoded = decoded;
  }
}

/**
 * RFC 4648 section 5, as the official gateway reads it with Go's RawURLEncoding: without padding, of which any amount
 * is cut off first; the last bits need not be zero; line ends do not count.
 */
export function decodeUrlBase64(text: Buffer): Buffer {
  let end = text.length;
  while (end > 0 && text[end - 1] === 0x3d /* = */) end -= 1;
  const input = text.toString('latin1', 0, end);
  const wrong = /[^A-Za-z0-9_\-\r\n]/.exec(input)?.index;
  const digits = input.slice(0, wrong).replaceAll(/[\r\n]/g, '');
  const whole = digits.length - (digits.length % 4);
  if (wrong !== undefined) throw new Base64Error(wrong, Buffer.from(digits.slice(0, whole), 'base64url'));
  if (digits.length - whole === 1) {
    throw new Base64Error(end - 1, Buffer.from(digits.slice(0, whole), 'base64url'));
  }
  return Buffer.from(digits, 'base64url');
}
