/** Part of `independent-reader.ts`: keys and slots, from docs/formats/keys.md and slot.md. */
import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';

export const SUITES = [undefined, { name: 'aes-256-gcm', keySize: 32 }, { name: 'sm4-gcm', keySize: 16 }] as const;
export type SuiteOf = NonNullable<(typeof SUITES)[number]>;

export interface Segment {
  readonly number: number;
  readonly id: string;
  readonly suite: SuiteOf;
  readonly key: Buffer;
}

export interface Slot {
  readonly type: number;
  readonly level: number;
  readonly index: number;
  readonly durable: number;
  readonly body: Buffer;
}

export function u64(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`the integer at ${at} is too large`);
  return Number(value);
}

export function nameAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at + 1, at + 1 + bytes.readUInt8(at));
}

const OLDER_KEYS = ['segment-header', 'table', 'mark', 'epoch-wrap-root'] as const;
type DerivedKeys = Readonly<Record<(typeof OLDER_KEYS)[number], Buffer>>;

/** docs/formats/keys.md */
export class Keys {
  readonly #head: Buffer;
  readonly #current: DerivedKeys;
  #older: readonly DerivedKeys[] = [];

  constructor(dataKey: Uint8Array) {
    const ofDataKey = (name: string): Buffer => derive(dataKey, '', `sealdisk/v1/${name}`, 32);
    this.#head = ofDataKey('head');
    this.#current = {
      'segment-header': ofDataKey('segment-header'),
      table: ofDataKey('table'),
      mark: ofDataKey('mark'),
      'epoch-wrap-root': ofDataKey('epoch-wrap-root'),
    };
  }

  /** Takes the earlier data keys of a head, 160 bytes each. */
  openOlder(records: readonly Buffer[], suite: SuiteOf): void {
    this.#older = records.map((record) => {
      const id = record.subarray(0, 16);
      const key = derive(this.#current['epoch-wrap-root'], id, `sealdisk/v1/older-keys/${suite.name}`, suite.keySize);
      const plain = unseal(suite, key, Buffer.alloc(12), id, record.subarray(16));
      if (plain === undefined) throw new Error('an earlier data key does not open');
      const at = (place: number): Buffer => Buffer.from(plain.subarray(place * 32, (place + 1) * 32));
      return { 'segment-header': at(0), table: at(1), mark: at(2), 'epoch-wrap-root': at(3) };
    });
  }

  verifies(purpose: 'head' | 'segment-header' | 'table' | 'mark', record: Buffer): boolean {
    if (record.length < 32) return false;
    const keys = purpose === 'head' ? [this.#head] : [this.#current, ...this.#older].map((each) => each[purpose]);
    return keys.some((key) => {
      const expected = createHmac('sha256', key).update(record.subarray(0, -32)).digest();
      return timingSafeEqual(expected, record.subarray(-32));
    });
  }

  slotKey(record: Buffer, suite: SuiteOf): Buffer {
    const id = record.subarray(0, 16);
    for (const keys of [this.#current, ...this.#older]) {
      const wrapKey = derive(keys['epoch-wrap-root'], id, `sealdisk/v1/epoch-wrap/${suite.name}`, suite.keySize);
      const secret = unseal(suite, wrapKey, Buffer.alloc(12), id, record.subarray(16, 64));
      if (secret !== undefined) return derive(secret, id, `sealdisk/v1/slots/${suite.name}`, suite.keySize);
    }
    throw new Error(`epoch ${id.toString('hex')} does not open`);
  }
}

function derive(secret: Uint8Array, salt: Uint8Array | string, info: string, size: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, size));
}

function unseal(suite: SuiteOf, key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(suite.name as CipherGCMTypes, key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = decipher.update(sealed.subarray(0, -16));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

/** docs/formats/segment.md and dense.md: where a slot lies in a file, undefined when the file lacks it. */
function positionOf(file: number, slot: number): number | undefined {
  for (const at of [1024, 4096]) {
    const index = Buffer.alloc(3072);
    readSync(file, index, 0, 3072, at);
    if (index.toString('latin1', 0, 8) !== 'SDDENSE1' || index.readUInt32LE(8) !== 1) continue;
    if (!createHash('sha256').update(index.subarray(0, 3040)).digest().equals(index.subarray(3040))) continue;
    const isThere = (i: number): boolean =>
      Math.floor(index.readUInt8(16 + Math.floor(i / 8)) / 2 ** (i % 8)) % 2 === 1;
    if (!isThere(slot)) return undefined;
    let place = 0;
    for (let i = 0; i < slot; i++) if (isThere(i)) place += 1;
    return 7168 + 4128 * place;
  }
  return 1024 + 4128 * slot;
}

/** docs/formats/slot.md; undefined for one that does not open or is not there. */
export function openSlot(directory: string, segment: Segment, slot: number): Slot | undefined {
  const file = openSync(path.join(directory, 'seg', segment.id), 'r');
  const sealed = Buffer.alloc(4128);
  const position = positionOf(file, slot);
  const filled = position === undefined ? 0 : readSync(file, sealed, 0, 4128, position);
  closeSync(file);
  if (filled < 4128) return undefined;
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(segment.number), 0);
  nonce.writeUInt32LE(slot, 8);
  const plain = unseal(segment.suite, segment.key, nonce, Buffer.alloc(0), sealed);
  if (plain === undefined) return undefined;
  return {
    body: plain.subarray(0, 4096),
    index: u64(plain, 4096),
    durable: plain.readUInt32LE(4104),
    type: plain.readUInt8(4108),
    level: plain.readUInt8(4109),
  };
}
