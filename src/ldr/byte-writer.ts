/** Little-endian bytes that grow as they are written. */
export class ByteWriter {
  private buffer = new Uint8Array(4096);
  /** Bytes written. */
  length = 0;

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer);
    this.buffer = larger;
  }

  u8(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  u16(value: number): void {
    this.u8(value & 0xff);
    this.u8((value >>> 8) & 0xff);
  }

  u32(value: number): void {
    this.u16(value & 0xffff);
    this.u16(value >>> 16);
  }

  /** A non-negative integer below 2^53 as eight bytes. */
  u64(value: number): void {
    this.u32((value % 2 ** 32) >>> 0);
    this.u32(Math.floor(value / 2 ** 32));
  }

  bytes(source: Uint8Array): void {
    this.reserve(source.length);
    this.buffer.set(source, this.length);
    this.length += source.length;
  }

  /** Latin-1 text without an end. */
  ascii(text: string): void {
    for (let index = 0; index < text.length; index++) this.u8(text.charCodeAt(index));
  }

  /** Latin-1 text and a zero byte. */
  asciiZ(text: string): void {
    this.ascii(text);
    this.u8(0);
  }

  /** UTF-16 text and a zero unit. */
  utf16Z(text: string): void {
    for (let index = 0; index < text.length; index++) this.u16(text.charCodeAt(index));
    this.u16(0);
  }

  /** Fills up to a multiple of `alignment` bytes. */
  align(alignment: number, fill = 0): void {
    while (this.length % alignment !== 0) this.u8(fill);
  }

  /** Overwrites a 32-bit word already written. */
  patchU32(offset: number, value: number): void {
    new DataView(this.buffer.buffer).setUint32(offset, value, true);
  }

  patchU16(offset: number, value: number): void {
    new DataView(this.buffer.buffer).setUint16(offset, value, true);
  }

  /** A copy of what was written. */
  result(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}
