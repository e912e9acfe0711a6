import { isKind } from '../../base/errors.ts';
import type { SystemError } from '../../base/errors.ts';
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { corrupt } from '../files/io-errors.ts';
import { DAMAGED, isMarker, segmentOf, slotOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { openSlot, SLOT_DATA, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import type { BlockResolver } from './block-resolver.ts';
import type { ReadableState } from './readable-state.ts';

/** Slots that one read of a file fetches at most: 1 MiB. */
const RUN_SLOTS_MAX = 256;

/** A block that could not be had from an address: damage, unless it has another address by now. */
class Unreadable extends Error {
  readonly block: number;
  readonly address: Address;

  constructor(block: number, address: Address, cause?: unknown) {
    super('a block could not be read', { cause });
    this.block = block;
    this.address = address;
  }
}

/** The segment or its file is no more. */
function isGone(error: unknown): boolean {
  return isKind(error, 'corrupt') && (error.code === 'SEGMENT_UNKNOWN' || error.code === 'SEGMENT_MISSING');
}

/** Reads bytes of a disk: finds the slots, fetches neighbours together, opens each block. */
export class BlockReader {
  readonly #state: ReadableState;
  readonly #resolver: BlockResolver;
  /** Of the read that does not wait. */
  readonly #addresses = new Float64Array(RUN_SLOTS_MAX);

  constructor(state: ReadableState, resolver: BlockResolver) {
    this.#state = state;
    this.#resolver = resolver;
  }

  /**
   * A block that was written anew while it was read may be gone from its old place: then the read goes on at the new one.
   * @throws {SystemError} kind `corrupt`: a block in the range failed verification; others can still be read.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const first = Math.floor(offset / BLOCK_SIZE_BYTES);
    const end = Math.ceil((offset + length) / BLOCK_SIZE_BYTES);
    const addresses = await this.#resolver.resolve(first, end - first);
    const out = Buffer.allocUnsafe((end - first) * BLOCK_SIZE_BYTES);
    for (let i = 0; i < addresses.length;) {
      try {
        i = await this.#readRun(addresses, i, first, out);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        const [now] = await this.#resolver.resolve(error.block, 1);
        if (now === addresses[error.block - first]) throw this.#damaged(error);
        addresses.set(await this.#resolver.resolve(first + i, addresses.length - i), i);
      }
    }
    const skip = offset - first * BLOCK_SIZE_BYTES;
    return out.subarray(skip, skip + length);
  }

  /**
   * Fills `out` when nothing has to be waited for: the addresses are known and the slots in memory. False when something
   * has, or when a block does not verify; `read` is for those.
   * @param offset and the length of `out`: whole blocks.
   */
  readCached(offset: number, out: Uint8Array): boolean {
    const first = offset / BLOCK_SIZE_BYTES;
    const count = out.length / BLOCK_SIZE_BYTES;
    if (count > RUN_SLOTS_MAX || !this.#resolver.resolveCached(first, count, this.#addresses)) return false;
    for (let i = 0; i < count;) {
      const next = this.#readRunCached(i, count, first, out);
      if (next === undefined) return false;
      i = next;
    }
    return true;
  }

  /** One block at an address that it just had, into `body`; false when it has another one by now. */
  async readBlock(block: number, address: Address, body: Uint8Array): Promise<boolean> {
    try {
      await this.#readRun(Float64Array.of(address), 0, block, body);
      return true;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const [now] = await this.#resolver.resolve(block, 1);
      if (now === address) throw this.#damaged(error);
      return false;
    }
  }

  /** As far as one fetch reaches, from index `from` of the addresses just resolved; answers the index after that. */
  #readRunCached(from: number, end: number, first: number, out: Uint8Array): number | undefined {
    const addresses = this.#addresses;
    const address = addresses[from] ?? 0;
    if (isMarker(address)) {
      if (address === DAMAGED) return undefined;
      out.fill(0, from * BLOCK_SIZE_BYTES, (from + 1) * BLOCK_SIZE_BYTES);
      return from + 1;
    }
    const log = this.#state.session?.log;
    const inMemory = log?.peek(address);
    const { store } = this.#state;
    const segment = store.find(segmentOf(address));
    if (segment === undefined) return undefined;
    if (inMemory !== undefined)
      return this.#verify(segment, address, inMemory, first + from, out, from) ? from + 1 : undefined;
    let count = 1;
    while (
      from + count < end &&
      addresses[from + count] === address + count &&
      (log === undefined || log.peek(address + count) === undefined)
    )
      count += 1;
    const sealed = store.readSlotsCached(segment.number, slotOf(address), count);
    if (sealed === undefined) return undefined;
    for (let i = 0; i < count; i++) {
      const slot = sealed.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
      if (!this.#verify(segment, address + i, slot, first + from + i, out, from + i)) return undefined;
    }
    return from + count;
  }

  /** Reads from index `from` as far as one fetch reaches, and answers the index after that. */
  async #readRun(addresses: Float64Array, from: number, first: number, out: Uint8Array): Promise<number> {
    const address = addresses[from] ?? 0;
    if (address === DAMAGED) throw this.#lost(first + from);
    if (isMarker(address)) {
      out.fill(0, from * BLOCK_SIZE_BYTES, (from + 1) * BLOCK_SIZE_BYTES);
      return from + 1;
    }
    const log = this.#state.session?.log;
    const inMemory = log?.peek(address);
    if (inMemory !== undefined) {
      this.#open(this.#state.store.find(segmentOf(address)), address, inMemory, first + from, out, from);
      return from + 1;
    }
    let count = 1;
    // What is not in memory is durable, and so in the file.
    while (
      count < RUN_SLOTS_MAX &&
      addresses[from + count] === address + count &&
      log?.peek(address + count) === undefined
    )
      count += 1;
    const { store } = this.#state;
    const number = segmentOf(address);
    const cached = store.readSlotsCached(number, slotOf(address), count);
    const openAll = (segment: SegmentEntry | undefined, sealed: Uint8Array): number => {
      for (let i = 0; i < count; i++) {
        const slot = sealed.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
        this.#open(segment, address + i, slot, first + from + i, out, from + i);
      }
      return from + count;
    };
    if (cached !== undefined) return openAll(store.find(number), cached);
    const sealed = Buffer.allocUnsafe(count * SLOT_SIZE_BYTES);
    const segment = await store.readSlots(number, slotOf(address), sealed).catch((error: unknown) => {
      throw isGone(error) ? new Unreadable(first + from, address, error) : error;
    });
    return openAll(segment, sealed);
  }

  #lost(block: number): SystemError {
    const { env, head } = this.#state;
    env.log.error({ diskId: head.diskId, block }, 'where a block lies was lost with a damaged map page');
    return corrupt('MAP_CORRUPT', `where block ${block} lies was lost with a damaged map page; write it again`);
  }

  /** @param segment whose bytes these are; undefined when it is gone. */
  #open(
    segment: SegmentEntry | undefined,
    address: Address,
    sealed: Uint8Array,
    block: number,
    out: Uint8Array,
    at: number,
  ): void {
    if (segment === undefined || !this.#verify(segment, address, sealed, block, out, at))
      throw new Unreadable(block, address);
  }

  #damaged({ block, address, cause }: Unreadable): unknown {
    const { env, head } = this.#state;
    const [segment, slot] = [segmentOf(address), slotOf(address)];
    env.log.error({ diskId: head.diskId, block, segment, slot }, 'a block failed verification');
    return cause ?? corrupt('BLOCK_CORRUPT', `block ${block} (segment ${segment}, slot ${slot}) failed verification`);
  }

  /** Opens a block into its place in `out`; false when it is not what was sealed for this block at this address. */
  #verify(
    { number, epoch }: SegmentEntry,
    address: Address,
    sealed: Uint8Array,
    block: number,
    out: Uint8Array,
    at: number,
  ): boolean {
    const body = out.subarray(at * BLOCK_SIZE_BYTES, (at + 1) * BLOCK_SIZE_BYTES);
    const meta = openSlot(this.#state.keys.aead(epoch), number, slotOf(address), sealed, body);
    return meta?.type === SLOT_DATA && meta.index === block;
  }
}
