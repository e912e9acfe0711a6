/** Blocks in ascending order, and where each of them is. */
export interface Points {
  readonly blocks: Float64Array;
  readonly addresses: Float64Array;
}

/** Values of a digit: 11 bits, three passes for a disk of 32 TiB, two up to 16 GiB. */
const RADIX = 2_048;
/** Places that are moved before others get a turn: about a millisecond. */
const SLICE = 32_768;

/**
 * Sorts by block, in place or not: the arguments are used up. Radix sort from the last digit on (Knuth, TAOCP 5.2.5),
 * since it can stop anywhere: a disk under load has a quarter of a million of them, and nobody may wait for all that.
 * Block numbers have up to 34 bits: plain arithmetic throughout.
 */
export async function sortPoints(blocks: Float64Array, addresses: Float64Array): Promise<Points> {
  let from: Points = { blocks, addresses };
  let to: Points = { blocks: new Float64Array(blocks.length), addresses: new Float64Array(blocks.length) };
  let largest = 0;
  for (const block of blocks) if (block > largest) largest = block;
  for (let unit = 1; unit <= largest; unit *= RADIX) {
    await sortByDigit(from, to, unit);
    [from, to] = [to, from];
  }
  return from;
}

async function sortByDigit(from: Points, to: Points, unit: number): Promise<void> {
  const starts = new Uint32Array(RADIX);
  const { length } = from.blocks;
  const digitAt = (i: number): number => Math.floor((from.blocks[i] ?? 0) / unit) % RADIX;
  for (let first = 0; first < length; first += SLICE) {
    for (let i = first; i < Math.min(length, first + SLICE); i++) {
      const digit = digitAt(i);
      starts[digit] = (starts[digit] ?? 0) + 1;
    }
    await nextTurn();
  }
  let sum = 0;
  for (const [digit, count] of starts.entries()) {
    starts[digit] = sum;
    sum += count;
  }
  for (let first = 0; first < length; first += SLICE) {
    for (let i = first; i < Math.min(length, first + SLICE); i++) {
      const digit = digitAt(i);
      const place = starts[digit] ?? 0;
      starts[digit] = place + 1;
      to.blocks[place] = from.blocks[i] ?? 0;
      to.addresses[place] = from.addresses[i] ?? 0;
    }
    await nextTurn();
  }
}

/** Lets everything else that waits have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
