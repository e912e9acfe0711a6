import type { Clock } from '../base/clock.ts';
import { isKind } from '../base/errors.ts';
import type { Database } from '../metadata/database.ts';
import { findKmsService, insertKmsService } from '../metadata/kms-services.ts';
import { kmsRefusal } from './refusals.ts';
import type { Scope } from './scope.ts';

/** An account opens KMS in a region before anything there works. Source: facts.md 1.8. */
export class KmsService {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @throws {SystemError} code `KMS_ALREADY_OPEN`. */
  async open(scope: Scope): Promise<void> {
    const row = { accountId: scope.accountId, regionId: scope.regionId, openedMs: this.#clock.nowMs() };
    try {
      await this.#database.transact((transaction) => insertKmsService(transaction, row));
    } catch (error) {
      if (!isKind(error, 'conflict') || error.code !== 'ROW_EXISTS') throw error;
      throw kmsRefusal('KMS_ALREADY_OPEN', `KMS is open already in ${scope.regionId}.`);
    }
  }

  async isOpen(scope: Scope): Promise<boolean> {
    return (await findKmsService(this.#database.read, scope.accountId, scope.regionId)) !== undefined;
  }

  /** @throws {SystemError} code `KMS_NOT_OPEN`. */
  async requireOpen(scope: Scope): Promise<void> {
    if (!(await this.isOpen(scope)))
      throw kmsRefusal('KMS_NOT_OPEN', `KMS is not open in ${scope.regionId}; call OpenKmsService there first.`);
  }
}
