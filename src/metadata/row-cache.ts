/** More are forgotten together: at some 500 bytes each, about 10 MB. */
const ROWS_MAX = 20_000;
/** Clients choose part of a question; a longer one is about nothing that there is, and must not fill the memory. */
const QUESTION_CHARACTERS_MAX = 1_024;

/**
 * Rows that were read and verified, for as long as nothing was committed since, by us or by another program. So a row that
 * is asked for with every request costs a question about the database's version instead of a query, a MAC and its decoding.
 * What is handed out is shared: nobody changes it.
 */
export class RowCache {
  /** Differs from what it was whenever another connection has committed. */
  readonly #version: () => number;
  readonly #known = new Map<string, readonly unknown[]>();
  #knownVersion = -1;
  #rows = 0;

  constructor(version: () => number) {
    this.#version = version;
  }

  /** @param question names what `load` loads, and nothing else has that name. */
  async rows<Row>(question: string, load: () => Promise<Row[]>): Promise<Row[]> {
    if (question.length > QUESTION_CHARACTERS_MAX) return load();
    const version = this.#version();
    if (version !== this.#knownVersion) this.#forget(version);
    const known = this.#known.get(question);
    if (known !== undefined) return [...(known as readonly Row[])];
    const rows = await load();
    for (const row of rows) Object.freeze(row);
    // A commit may have come between the query and its answer: then somebody may have asked for the newer version already.
    if (this.#knownVersion === version) this.#keep(question, [...rows]);
    return rows;
  }

  #keep(question: string, rows: readonly unknown[]): void {
    this.#rows += rows.length + 1;
    if (this.#rows > ROWS_MAX) this.#forget(this.#knownVersion);
    this.#known.set(question, rows);
  }

  #forget(version: number): void {
    this.#known.clear();
    this.#rows = 0;
    this.#knownVersion = version;
  }
}
