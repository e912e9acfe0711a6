import type { DecodedLine, Link } from './chain.ts';

/** Something that is not as Sealdisk wrote it. */
export interface Finding {
  readonly what: 'changed' | 'missing' | 'misplaced' | 'unrelated' | 'head' | 'file' | 'anchor' | 'break';
  /** The record, or the first of them. */
  readonly seq?: number;
  readonly message: string;
}

/** More are counted, not listed. */
export const FINDINGS_MAX = 1_000;

/** Follows records one after the other and notes what is missing, changed, moved or repeated. */
export class ChainCheck {
  readonly findings: Finding[] = [];
  leftOut = 0;
  records = 0;
  first: (Link & { readonly prev: string }) | undefined;
  /** The last record that is right in itself. */
  last: Link | undefined;
  /** The number that the next record should have; undefined before the first. */
  #expected: number | undefined;
  /** The hash that it should name; undefined when the record before it cannot be believed. */
  #prev: string | undefined;

  /** @param line undefined when it cannot be read as a record. @param place such as `audit-00000001.jsonl, line 3`. */
  check(line: DecodedLine | undefined, place: string): void {
    if (line === undefined || line.isAuthentic === false) {
      this.#changed(line, place);
      return;
    }
    const { seq, prev, hash } = line;
    const expected = this.#expected ?? seq;
    if (seq < expected) {
      const message = `record ${seq} stands again, or in the wrong place, behind record ${expected - 1} (${place})`;
      this.note({ what: 'misplaced', seq, message });
      return;
    }
    if (seq > expected) this.missing(expected, seq - 1, `before ${place}`);
    else if (this.#prev !== undefined && prev !== this.#prev) {
      const message = `record ${seq} does not follow the record ${seq - 1} that stands before it (${place}): one of them is from another history of this log`;
      this.note({ what: 'unrelated', seq, message });
    }
    this.first ??= { seq, hash, prev };
    this.last = { seq, hash };
    this.records += 1;
    this.#expected = seq + 1;
    this.#prev = hash;
  }

  /** The number of the last record, by its place. */
  get lastPlace(): number {
    return (this.#expected ?? 1) - 1;
  }

  missing(from: number, to: number, where: string): void {
    const which = from === to ? `record ${from} is missing` : `records ${from} to ${to} are missing`;
    this.note({ what: 'missing', seq: from, message: `${which} (${where})` });
  }

  note(finding: Finding): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(finding);
    else this.leftOut += 1;
  }

  #changed(line: DecodedLine | undefined, place: string): void {
    const seq = this.#expected ?? line?.seq ?? 1;
    this.note({ what: 'changed', seq, message: `record ${seq} was changed (${place})` });
    this.#expected = seq + 1;
    this.#prev = undefined;
  }
}
