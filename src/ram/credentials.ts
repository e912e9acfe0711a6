import { findAccessKey } from '../metadata/access-keys.ts';
import { findAccount } from '../metadata/accounts.ts';
import type { Reader } from '../metadata/reader.ts';
import { findUser } from '../metadata/users.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { accountArn, userArn } from './arn.ts';

/** One AccessKey with the secret to check signatures with. */
export interface StoredCredential {
  /** UTF-8 bytes, wiped by the receiver. */
  readonly secret: Uint8Array;
  readonly caller: {
    readonly accountId: string;
    readonly arn: string;
    readonly principalType: 'Account' | 'RAMUser';
    readonly accessKeyId: string;
    readonly userId?: string;
  };
  /** The account's own region. */
  readonly regionId: string;
  readonly active: boolean;
}

/** What the secret of an AccessKey is sealed for. */
export const secretContext = (accessKeyId: string): string => `access-key:${accessKeyId}`;

/** Finds AccessKeys for the front door: its `Credentials` (src/rpc/ports.ts). */
export class StoredCredentials {
  readonly #reader: Reader;
  readonly #sealer: Sealer;

  constructor(reader: Reader, sealer: Sealer) {
    this.#reader = reader;
    this.#sealer = sealer;
  }

  /**
   * Undefined when there is no such AccessKey.
   * @throws {SystemError} kind `corrupt`: the row or the sealed secret was changed.
   */
  async find(accessKeyId: string): Promise<StoredCredential | undefined> {
    const row = await findAccessKey(this.#reader, accessKeyId);
    const account = row && (await findAccount(this.#reader, row.accountId));
    if (row === undefined || account === undefined) {
      // As much work as opening a secret, so that an AccessKey that does not exist takes as long as others.
      this.#sealer.seal(secretContext(''), new Uint8Array(30));
      return undefined;
    }
    const { accountId, userName } = row;
    const user = userName === null ? undefined : await findUser(this.#reader, accountId, userName);
    return {
      secret: this.#sealer.open(secretContext(accessKeyId), row.secretSealed),
      caller: {
        accountId,
        arn: userName === null ? accountArn(accountId) : userArn(accountId, userName),
        principalType: userName === null ? 'Account' : 'RAMUser',
        accessKeyId,
        ...(user && { userId: user.userId }),
      },
      regionId: account.regionId,
      active: row.status === 'Active',
    };
  }
}
