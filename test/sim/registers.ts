import assert from 'node:assert/strict';

interface Written {
  readonly value: number;
  readonly startedAt: number;
  /** Infinity while it runs, and for ever when it failed: it may have happened or happen. */
  endedAt: number;
}

/**
 * What blocks may hold when several clients change the same ones at the same time. A read may answer any value whose
 * write had begun, unless another write began after that one was answered and was answered before the read began. After
 * a power loss the same holds with the last flush in the place of the read.
 */
export class Registers {
  #now = 0;
  readonly #writes = new Map<number, Written[]>();

  /** Value 0 is zeroes. */
  begin(block: number, value: number): Written {
    const written: Written = { value, startedAt: ++this.#now, endedAt: Infinity };
    this.#of(block).push(written);
    return written;
  }

  end(written: Written): void {
    written.endedAt = ++this.#now;
  }

  now(): number {
    return ++this.#now;
  }

  /**
   * @param from when the read began, or the flush that has to have kept what was answered before it.
   * @param to no write that began later can be there.
   */
  check(block: number, value: number, from: number, what: string, to = Infinity): void {
    const writes = this.#of(block);
    const allowed = writes.filter(
      (one) => one.startedAt < to && !writes.some((other) => other.startedAt > one.endedAt && other.endedAt < from),
    );
    assert.ok(
      allowed.some((one) => one.value === value),
      `${what}: block ${block} holds ${value}, allowed were ${allowed.map((one) => one.value).join()}`,
    );
  }

  #of(block: number): Written[] {
    const writes = this.#writes.get(block) ?? [{ value: 0, startedAt: 0, endedAt: 0 }];
    this.#writes.set(block, writes);
    return writes;
  }
}
