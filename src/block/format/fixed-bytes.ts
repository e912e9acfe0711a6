import { assert } from '../../base/assert.ts';

/** Writes fixed-layout little-endian fields into a buffer from its start. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  get position(): number {
    return this.#at;
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    return this.#advance(1);
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    return this.#advance(2);
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    return this.#advance(4);
  }

  /** @param value up to 2^53 - 1. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'a stored integer is exact');
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    return this.#advance(8);
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#at);
    return this.#advance(bytes.length);
  }

  text(ascii: string): this {
    return this.raw(Buffer.from(ascii, 'latin1'));
  }

  /** Leaves zeroes up to `position`. */
  padTo(position: number): this {
    assert(position >= this.#at, 'fields fit into their layout');
    this.#at = position;
    return this;
  }

  #advance(by: number): this {
    this.#at += by;
    assert(this.#at <= this.bytes.length, 'fields fit into their layout');
    return this;
  }
}

/** Reads what `ByteWriter` wrote. Reading past the end answers zeroes and sets `overrun`, as does an inexact integer. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  overrun = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#take(1) ? this.#view.getUint8(this.#at - 1) : 0;
  }

  u16(): number {
    return this.#take(2) ? this.#view.getUint16(this.#at - 2, true) : 0;
  }

  u32(): number {
    return this.#take(4) ? this.#view.getUint32(this.#at - 4, true) : 0;
  }

  /** NaN for what no exact number holds; every comparison with it fails. */
  u64(): number {
    if (!this.#take(8)) return 0;
    const value = Number(this.#view.getBigUint64(this.#at - 8, true));
    if (Number.isSafeInteger(value)) return value;
    this.overrun = true;
    return Number.NaN;
  }

  /** A copy. */
  raw(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.slice(this.#at - length, this.#at) : new Uint8Array(length);
  }

  text(length: number): string {
    return Buffer.from(this.raw(length)).toString('latin1');
  }

  skipTo(position: number): void {
    this.#take(position - this.#at);
  }

  #take(length: number): boolean {
    if (this.#at + length > this.#bytes.length) {
      this.overrun = true;
      return false;
    }
    this.#at += length;
    return true;
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
