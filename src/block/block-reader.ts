import type { SystemError } from '../base/errors.ts';
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import { DAMAGED, isMarker, segmentOf, slotOf } from './address.ts';
import type { Address } from './address.ts';
import type { BlockResolver } from './block-resolver.ts';
import { corrupt } from './io-errors.ts';
import type { ReadableState } from './readable-state.ts';
import { openSlot, SLOT_DATA, SLOT_SIZE_BYTES } from './slot-format.ts';

/** Slots that one read of a file fetches at most: 1 MiB. */
const RUN_SLOTS_MAX = 256;

/** Reads bytes of a disk: finds the slots, fetches neighbours together, opens each block. */
export class BlockReader {
  readonly #state: ReadableState;
  readonly #resolver: BlockResolver;

  constructor(state: ReadableState, resolver: BlockResolver) {
    this.#state = state;
    this.#resolver = resolver;
  }

  /**
   * @throws {SystemError} kind `corrupt`: a block in the range failed verification; others can still be read.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const first = Math.floor(offset / BLOCK_SIZE_BYTES);
    const end = Math.ceil((offset + length) / BLOCK_SIZE_BYTES);
    const addresses = await this.#resolver.resolve(first, end - first);
    const out = Buffer.allocUnsafe((end - first) * BLOCK_SIZE_BYTES);
    for (let i = 0; i < addresses.length;) i = await this.#readRun(addresses, i, first, out);
    const skip = offset - first * BLOCK_SIZE_BYTES;
    return out.subarray(skip, skip + length);
  }

  /** One block at a known address, into `body`. */
  async readBlock(block: number, address: Address, body: Uint8Array): Promise<void> {
    await this.#readRun(Float64Array.of(address), 0, block, body);
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
      this.#open(address, inMemory, first + from, out, from);
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
    const sealed = Buffer.allocUnsafe(count * SLOT_SIZE_BYTES);
    const { store } = this.#state;
    if (!store.readSlotsCached(segmentOf(address), slotOf(address), sealed))
      await store.readSlots(segmentOf(address), slotOf(address), sealed);
    for (let i = 0; i < count; i++) {
      const slot = sealed.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
      this.#open(address + i, slot, first + from + i, out, from + i);
    }
    return from + count;
  }

  #lost(block: number): SystemError {
    const { env, head } = this.#state;
    env.log.error({ diskId: head.diskId, block }, 'where a block lies was lost with a damaged map page');
    return corrupt('MAP_CORRUPT', `where block ${block} lies was lost with a damaged map page; write it again`);
  }

  #open(address: Address, sealed: Uint8Array, block: number, out: Uint8Array, at: number): void {
    const { keys, store, env, head } = this.#state;
    const number = segmentOf(address);
    const slot = slotOf(address);
    const body = out.subarray(at * BLOCK_SIZE_BYTES, (at + 1) * BLOCK_SIZE_BYTES);
    const meta = openSlot(keys.aead(store.entry(number).epoch), number, slot, sealed, body);
    if (meta?.type === SLOT_DATA && meta.index === block) return;
    env.log.error({ diskId: head.diskId, block, segment: number, slot }, 'a block failed verification');
    throw corrupt('BLOCK_CORRUPT', `block ${block} (segment ${number}, slot ${slot}) failed verification`);
  }
}
