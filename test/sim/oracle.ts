import assert from 'node:assert/strict';

const BLOCK_BYTES = 4096;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

/** One thing that a client did: it is in the log before `acknowledgedAt` at the latest, and not before `issuedAt`. */
export interface Change {
  readonly issuedAt: number;
  acknowledgedAt: number;
  /** A flush that was issued after the acknowledgement was answered, or it was written through. */
  durable: boolean;
}

interface Version {
  readonly content: Buffer;
  readonly change: Change;
}

/** What a snapshot may hold of a block: a version from `from` to `to`; one content once it was read. */
interface Frozen {
  readonly versions: ReadonlyMap<number, { readonly candidates: readonly Buffer[] }>;
  /** The version of each block of which it is certain that the snapshot holds it. */
  readonly certain: ReadonlyMap<number, Version>;
}

/**
 * Knows every version that each block ever had and what of it must survive which crash. Clients do not change one
 * block at the same time, so that the versions of a block have an order.
 */
export class Oracle {
  readonly blocks: readonly number[];
  #now = 0;
  readonly #history = new Map<number, Version[]>();
  readonly #snapshots = new Map<string, Frozen>();
  readonly #forgotten = new Map<string, Frozen>();
  readonly #open = new Set<Change>();

  constructor(blocks: readonly number[]) {
    this.blocks = blocks;
    const born: Change = { issuedAt: 0, acknowledgedAt: 0, durable: true };
    for (const block of blocks) this.#history.set(block, [{ content: ZEROES, change: born }]);
  }

  get snapshotIds(): string[] {
    return [...this.#snapshots.keys()];
  }

  latest(block: number): Buffer {
    return this.#versions(block).at(-1)?.content ?? ZEROES;
  }

  begin(contents: ReadonlyMap<number, Buffer>): Change {
    const change: Change = { issuedAt: ++this.#now, acknowledgedAt: Infinity, durable: false };
    for (const [block, content] of contents) this.#versions(block).push({ content, change });
    this.#open.add(change);
    return change;
  }

  acknowledge(change: Change, durable: boolean): void {
    change.acknowledgedAt = ++this.#now;
    change.durable = durable;
    this.#open.delete(change);
  }

  /** A change failed: what the disk reads now says where it happened all the same. It was never answered. */
  settle(change: Change, read: ReadonlyMap<number, Buffer>): void {
    for (const [block, content] of read) {
      const versions = this.#versions(block);
      const at = versions.findIndex((version) => version.change === change);
      if (at >= 0 && versions[at]?.content.equals(content) !== true) versions.splice(at, 1);
    }
    for (const [block, content] of read) this.checkRead(block, content);
    this.#open.delete(change);
  }

  /** To be called before a flush is issued; the result when it was answered. */
  beginFlush(): () => void {
    const acknowledged = [...this.#history.values()]
      .flat()
      .map(({ change }) => change)
      .filter((change) => change.acknowledgedAt < Infinity);
    return () => {
      for (const change of acknowledged) change.durable = true;
    };
  }

  /** To be called before a snapshot is issued; the result when it was answered. */
  beginSnapshot(snapshotId: string): () => void {
    const from = new Map(this.blocks.map((block) => [block, this.#lastAcknowledged(block)]));
    return () => {
      const versions = new Map(
        this.blocks.map((block) => [
          block,
          {
            candidates: this.#versions(block)
              .slice(from.get(block) ?? 0)
              .map(({ content }) => content),
          },
        ]),
      );
      const certain = new Map<number, Version>();
      for (const block of this.blocks) {
        const [version, ...others] = this.#versions(block).slice(from.get(block) ?? 0);
        if (version !== undefined && others.length === 0) certain.set(block, version);
      }
      this.#snapshots.set(snapshotId, { versions, certain });
    };
  }

  /** True when nobody has even tried to change the block since the snapshot, or what was tried is known not to have happened. */
  isUntouchedSince(snapshotId: string, block: number): boolean {
    const version = this.#snapshots.get(snapshotId)?.certain.get(block);
    return version !== undefined && this.#versions(block).at(-1) === version;
  }

  forgetSnapshot(snapshotId: string): void {
    const frozen = this.#snapshots.get(snapshotId);
    if (frozen !== undefined) this.#forgotten.set(snapshotId, frozen);
    this.#snapshots.delete(snapshotId);
  }

  checkSnapshot(snapshotId: string, read: ReadonlyMap<number, Buffer>): void {
    const frozen = this.#snapshots.get(snapshotId);
    assert.ok(frozen, `snapshot ${snapshotId} is known`);
    for (const [block, content] of read) {
      const candidates: readonly Buffer[] = frozen.versions.get(block)?.candidates ?? [];
      assert.ok(
        candidates.some((candidate) => candidate.equals(content)),
        `block ${block} of snapshot ${snapshotId} changed: ${describe(content)}, not ${candidates.map(describe).join(' or ')}`,
      );
    }
    const versions = new Map([...read].map(([block, content]) => [block, { candidates: [content] }]));
    this.#snapshots.set(snapshotId, { ...frozen, versions });
  }

  /** A clone outlives its snapshot, and so does what is known of it. */
  checkClone(snapshotId: string, read: ReadonlyMap<number, Buffer>): void {
    const forgotten = !this.#snapshots.has(snapshotId);
    const frozen = this.#snapshots.get(snapshotId) ?? this.#forgotten.get(snapshotId);
    assert.ok(frozen, `snapshot ${snapshotId} was known`);
    this.#snapshots.set(snapshotId, frozen);
    this.checkSnapshot(snapshotId, read);
    if (forgotten) this.forgetSnapshot(snapshotId);
  }

  /**
   * After a crash and a recovery: every block has a version that may have survived, and together they are what some
   * prefix of the log made. From then on, what was read is the truth and durable.
   */
  checkAfterCrash(kind: 'process' | 'power', read: ReadonlyMap<number, Buffer>): void {
    let included = -1;
    const missing: { block: number; change: Change }[] = [];
    for (const [block, content] of read) {
      const versions = this.#versions(block);
      const floor = this.#floor(block, kind);
      const matches = versions.flatMap((version, i) => (i >= floor && version.content.equals(content) ? [i] : []));
      const [lowest] = matches;
      const highest = matches.at(-1);
      if (lowest === undefined || highest === undefined) {
        const stale = versions.findLastIndex((version) => version.content.equals(content));
        assert.fail(
          `block ${block} after a ${kind} crash: version ${stale} of ${versions.length} (${describe(content)}), floor is ${floor}`,
        );
      }
      for (let i = 0; i <= lowest; i++) included = Math.max(included, versions[i]?.change.issuedAt ?? -1);
      for (const version of versions.slice(highest + 1)) missing.push({ block, change: version.change });
    }
    for (const { block, change } of missing)
      assert.ok(
        change.acknowledgedAt >= included,
        `block ${block} lacks a change that was answered at ${change.acknowledgedAt}, yet one issued at ${included} is there`,
      );
    const survived: Change = { issuedAt: ++this.#now, acknowledgedAt: this.#now, durable: true };
    for (const [block, content] of read) this.#history.set(block, [{ content, change: survived }]);
    this.#open.clear();
  }

  /** A client reads what it wrote last. */
  checkRead(block: number, content: Buffer): void {
    assert.ok(
      this.latest(block).equals(content),
      `block ${block} reads as ${describe(content)}, not ${describe(this.latest(block))}`,
    );
  }

  #floor(block: number, kind: 'process' | 'power'): number {
    const versions = this.#versions(block);
    const held = versions.findLastIndex(({ change }) =>
      kind === 'process' ? change.acknowledgedAt < Infinity : change.durable,
    );
    return Math.max(0, held);
  }

  #lastAcknowledged(block: number): number {
    return this.#versions(block).findLastIndex(({ change }) => change.acknowledgedAt < Infinity);
  }

  #versions(block: number): Version[] {
    const versions = this.#history.get(block);
    assert.ok(versions, `block ${block} is known`);
    return versions;
  }
}

function describe(content: Buffer): string {
  return content.equals(ZEROES) ? 'zeroes' : content.subarray(0, 8).toString('hex');
}
