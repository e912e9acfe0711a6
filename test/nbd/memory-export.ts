import { SystemError } from '../../src/base/errors.ts';
import type { BlockExtent, Export } from '../../src/nbd/export.ts';

const BLOCK = 4096;

/** An Export in memory: what the NBD server is tested against. Knows which blocks were written, and can be held or broken. */
export class MemoryExport implements Export {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly description = 'a disk in memory';
  readonly blockSize = { minimum: 1, preferred: BLOCK, maximum: 32 * 1024 * 1024 };
  readonly bytes: Buffer;
  readonly calls: string[] = [];
  /** Thrown by the next calls of that name. */
  readonly failures = new Map<string, Error>();
  /** Awaited before every call does anything. */
  gate: Promise<void> | undefined;
  /** Writes that are not flushed yet. */
  dirty = 0;
  /** Which blocks are dirty, by bitmap. */
  readonly dirtyBlocks = new Map<string, ReadonlySet<number>>();
  readonly bitmaps = {
    list: () => [...this.dirtyBlocks.keys()],
    status: async (name: string, offset: number, length: number) => {
      await this.#enter(`bitmap ${name}`, offset, length);
      const blocks = this.dirtyBlocks.get(name);
      if (blocks === undefined) throw new SystemError('not-found', 'NO_BITMAP', 'There is no such bitmap.');
      const extents: { lengthBytes: number; dirty: boolean }[] = [];
      for (let at = offset; at < offset + length;) {
        const lengthBytes = Math.min((Math.floor(at / BLOCK) + 1) * BLOCK, offset + length) - at;
        extents.push({ lengthBytes, dirty: blocks.has(Math.floor(at / BLOCK)) });
        at += lengthBytes;
      }
      return extents;
    },
  };
  readonly #allocated: Uint8Array;

  constructor(sizeBytes: number, options: { readonly readOnly?: boolean } = {}) {
    this.sizeBytes = sizeBytes;
    this.readOnly = options.readOnly ?? false;
    this.bytes = Buffer.alloc(sizeBytes);
    this.#allocated = new Uint8Array(Math.ceil(sizeBytes / BLOCK));
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    await this.#enter('read', offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  /** Has every other block at hand, unless it is held or broken. */
  readCached(offset: number, out: Uint8Array): boolean {
    if (Math.floor(offset / BLOCK) % 2 === 0 || this.gate !== undefined || this.failures.has('read')) {
      out.fill(0xee);
      return false;
    }
    this.calls.push(`read ${offset}+${out.length}`);
    out.set(this.bytes.subarray(offset, offset + out.length));
    return true;
  }

  async write(offset: number, data: Uint8Array, { fua }: { readonly fua: boolean }): Promise<void> {
    await this.#enter(fua ? 'write fua' : 'write', offset, data.length);
    this.bytes.set(data, offset);
    this.#mark(Math.floor(offset / BLOCK), Math.ceil((offset + data.length) / BLOCK), 1);
    if (!fua) this.dirty += 1;
  }

  async trim(offset: number, length: number, { fua }: { readonly fua: boolean }): Promise<void> {
    await this.#enter(fua ? 'trim fua' : 'trim', offset, length);
    const [first, end] = [Math.ceil(offset / BLOCK), Math.floor((offset + length) / BLOCK)];
    if (first >= end) return;
    this.bytes.fill(0, first * BLOCK, end * BLOCK);
    this.#mark(first, end, 0);
  }

  async zero(
    offset: number,
    length: number,
    { fua, noHole }: { readonly fua: boolean; readonly noHole: boolean },
  ): Promise<void> {
    await this.#enter(['zero', ...(fua ? ['fua'] : []), ...(noHole ? ['noHole'] : [])].join(' '), offset, length);
    this.bytes.fill(0, offset, offset + length);
    if (noHole) this.#mark(Math.floor(offset / BLOCK), Math.ceil((offset + length) / BLOCK), 1);
    else this.#mark(Math.ceil(offset / BLOCK), Math.floor((offset + length) / BLOCK), 0);
  }

  async flush(): Promise<void> {
    await this.#enter('flush', 0, 0);
    this.dirty = 0;
  }

  async blockStatus(offset: number, length: number): Promise<readonly BlockExtent[]> {
    await this.#enter('blockStatus', offset, length);
    const extents: { lengthBytes: number; hole: boolean; zero: boolean }[] = [];
    for (let at = offset; at < offset + length;) {
      const block = Math.floor(at / BLOCK);
      const lengthBytes = Math.min((block + 1) * BLOCK, offset + length) - at;
      const hole = this.#allocated[block] === 0;
      const last = extents.at(-1);
      if (last?.hole === hole) last.lengthBytes += lengthBytes;
      else extents.push({ lengthBytes, hole, zero: hole });
      at += lengthBytes;
    }
    return extents;
  }

  async #enter(call: string, offset: number, length: number): Promise<void> {
    if (this.calls.length < 1000) this.calls.push(`${call} ${offset}+${length}`);
    if (this.gate !== undefined) await this.gate;
    const failure = this.failures.get(call.split(' ')[0] ?? '');
    if (failure !== undefined) throw failure;
  }

  #mark(first: number, end: number, value: number): void {
    if (first < end) this.#allocated.fill(value, first, end);
  }
}
