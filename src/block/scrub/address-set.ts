import { segmentOf, slotOf } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { SlotSet } from '../format/slot-set.ts';

/** The usual capacity of a segment; sets of others grow. */
const SLOTS = 16_384;

/** A set of slots of any segments: one bit for each slot of a segment that is met, 32 MiB for each TiB. */
export class AddressSet {
  readonly #bySegment = new Map<number, SlotSet>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** False when it was in the set. */
  add(address: Address): boolean {
    const segment = segmentOf(address);
    const slot = slotOf(address);
    let set = this.#bySegment.get(segment);
    if (set === undefined || slot >= set.words.length * 32) {
      const larger = new SlotSet(Math.max(SLOTS, slot + 1));
      for (const { first, count } of set?.runs(SLOTS) ?? []) for (let i = first; i < first + count; i++) larger.add(i);
      set = larger;
      this.#bySegment.set(segment, set);
    }
    const isNew = set.add(slot);
    if (isNew) this.#size += 1;
    return isNew;
  }

  /** Of one segment, in rising order. */
  slotsOf(segment: number): number[] {
    const slots: number[] = [];
    for (const { first, count } of this.#bySegment.get(segment)?.runs(SLOTS) ?? [])
      for (let slot = first; slot < first + count; slot++) slots.push(slot);
    return slots;
  }
}
