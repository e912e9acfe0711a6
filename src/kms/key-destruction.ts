import type { Clock } from '../base/clock.ts';
import { deleteAliasesOfKey } from '../metadata/aliases.ts';
import type { Database } from '../metadata/database.ts';
import { findDestroyedKey, insertDestroyedKey, listDestroyedKeys } from '../metadata/destroyed-keys.ts';
import type { DestroyedKey } from '../metadata/destroyed-keys.ts';
import { deleteKeyVersions, listKeyVersions } from '../metadata/key-versions.ts';
import { deleteKey, findKey, listKeysToDestroy, nextDestructionMs } from '../metadata/keys.ts';
import type { KeyStore } from './key-store.ts';
import type { Tombstones } from './tombstones.ts';

export interface KeyDestructionParts {
  readonly database: Database;
  readonly store: KeyStore;
  readonly tombstones: Tombstones;
  readonly clock: Clock;
  /**
   * Called when keys were destroyed for good, so that what can be done about old copies of them is done, such as a new
   * root key. After a crash it may be missed, or be called twice for the same keys.
   */
  readonly afterDestruction?: ((keyIds: readonly string[]) => Promise<void>) | undefined;
}

/** What the tombstones had to do at the start. */
export interface ReturnedKeys {
  /** Ids of destroyed keys that an old copy had brought back; they are destroyed again. */
  readonly destroyedAgain: readonly string[];
  /** Ids of destroyed keys whose tombstone does not open and is in no row: nothing guards against their return. */
  readonly unguarded: readonly string[];
}

/**
 * The end of keys. In this order, so that a crash anywhere leaves a destruction that the next start completes: a
 * tombstone, the files of the material, the rows with a second tombstone among them, the database's journal.
 * Why there are two: docs/decisions/0022-tombstones.md.
 */
export class KeyDestruction {
  readonly #parts: KeyDestructionParts;

  constructor(parts: KeyDestructionParts) {
    this.#parts = parts;
  }

  /** Destroys the keys whose waiting time is over; a key is unknown from that time on even before. Answers their ids. */
  async destroyDue(): Promise<readonly string[]> {
    const { database, store, tombstones, clock } = this.#parts;
    const destroyed: string[] = [];
    // In a turn among the changes: a deletion that is being called off just now is over or not listed, never both.
    const due = await database.transact((transaction) => listKeysToDestroy(transaction, clock.nowMs()));
    for (const { keyId, accountId, regionId } of due) {
      const known = (await listKeyVersions(database.read, keyId)).map(({ keyVersionId }) => keyVersionId);
      const keyVersionIds = [...new Set([...known, ...(await store.versionsOf(keyId))])].toSorted();
      const tombstone = { keyId, accountId, regionId, keyVersionIds, destroyedMs: clock.nowMs() };
      await tombstones.write(tombstone);
      await this.#erase(tombstone);
      destroyed.push(keyId);
    }
    await this.#finish(destroyed);
    return destroyed;
  }

  /** When the next key is to be destroyed. */
  nextDueMs(): Promise<number | undefined> {
    return nextDestructionMs(this.#parts.database.read);
  }

  /**
   * Destroys again what an old copy of the key files or of the database brought back, and completes what a crash cut
   * short. To be called before any key is used.
   */
  async obeyTombstones(): Promise<ReturnedKeys> {
    const { database, store, tombstones } = this.#parts;
    const rows = new Map((await listDestroyedKeys(database.read)).map((row) => [row.keyId, row]));
    const { keys, damaged } = await tombstones.list();
    const files = new Map(keys.map((key) => [key.keyId, key]));
    const destroyedAgain: string[] = [];
    for (const [keyId, tombstone] of new Map([...rows, ...files])) {
      if (!files.has(keyId)) await tombstones.write(tombstone);
      const found = await Promise.all(tombstone.keyVersionIds.map((id) => store.has(id)));
      const isBack = found.includes(true) || (await findKey(database.read, keyId)) !== undefined;
      if (isBack || !rows.has(keyId)) await this.#erase(tombstone);
      if (isBack) destroyedAgain.push(keyId);
    }
    // Also where nothing is back: a crash may have come between the rows and the journal.
    if (rows.size > 0) await database.scrub();
    await this.#finish(destroyedAgain);
    return { destroyedAgain, unguarded: damaged.filter((keyId) => !rows.has(keyId)) };
  }

  async #erase(tombstone: DestroyedKey): Promise<void> {
    const { database, store } = this.#parts;
    const { keyId } = tombstone;
    for (const keyVersionId of tombstone.keyVersionIds) await store.destroy(keyVersionId);
    await database.transact(async (transaction) => {
      await deleteKeyVersions(transaction, keyId);
      await deleteAliasesOfKey(transaction, keyId);
      await deleteKey(transaction, keyId);
      if ((await findDestroyedKey(transaction, keyId)) === undefined) await insertDestroyedKey(transaction, tombstone);
    });
  }

  /** What was deleted is overwritten in the database (secure_delete); now it leaves its journal too. */
  async #finish(keyIds: readonly string[]): Promise<void> {
    if (keyIds.length === 0) return;
    await this.#parts.database.scrub();
    await this.#parts.afterDestruction?.(keyIds);
  }
}
