/**
 * The rules as a reader of the reference document would keep them in mind: accounts, keys, disks, snapshots, and what
 * each request must answer. PURE, and on purpose nothing of the product's code.
 */

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'Deleted';

export interface Place {
  readonly account: string;
  readonly region: string;
}

export interface ModelKey extends Place {
  readonly keyId: string;
  readonly service: boolean;
  readonly forDisks: boolean;
  state: KeyState;
}

export interface ModelDisk extends Place {
  readonly diskId: string;
  readonly zone: string;
  sizeGib: number;
  /** Null for an unencrypted disk. */
  readonly keyId: string | null;
  readonly snapshotId: string | undefined;
  content: string;
  everUsed: boolean;
  /** Whoever has it open. */
  exportId: string | undefined;
}

export interface ModelSnapshot extends Place {
  readonly snapshotId: string;
  readonly diskId: string;
  readonly sizeGib: number;
  readonly keyId: string | null;
  readonly content: string;
}

/** Why a key cannot be used, in the order in which it is found out (decisions.md B7). */
export type KeyTrouble = 'KmsNotEnabled' | 'KMSUnauthorized' | 'KeyNotFound' | 'NotSymmetric' | 'CMKNotEnabled';

export class Model {
  readonly keys = new Map<string, ModelKey>();
  readonly disks = new Map<string, ModelDisk>();
  readonly snapshots = new Map<string, ModelSnapshot>();
  /** Accounts whose role for disks is there. */
  readonly roles = new Set<string>();
  readonly #kms = new Set<string>();
  readonly #defaults = new Map<string, string>();

  openKms(place: Place): void {
    this.#kms.add(at(place));
  }

  hasKms(place: Place): boolean {
    return this.#kms.has(at(place));
  }

  /** The key of default encryption; undefined where it is off. */
  defaultKey(place: Place): string | undefined {
    return this.#defaults.get(at(place));
  }

  setDefault(place: Place, keyId: string | undefined): void {
    if (keyId === undefined) this.#defaults.delete(at(place));
    else this.#defaults.set(at(place), keyId);
  }

  serviceKey(place: Place): ModelKey | undefined {
    return this.keysOf(place).find(({ service }) => service);
  }

  keysOf(place: Place): ModelKey[] {
    return [...this.keys.values()].filter((key) => at(key) === at(place));
  }

  /** @param keyId undefined for the service key. */
  trouble(place: Place, keyId: string | undefined): KeyTrouble | undefined {
    if (!this.hasKms(place)) return 'KmsNotEnabled';
    const key = keyId === undefined ? undefined : this.keys.get(keyId);
    const isService = keyId === undefined || (key?.service === true && at(key) === at(place));
    if (isService) return undefined;
    if (!this.roles.has(place.account)) return 'KMSUnauthorized';
    if (key === undefined || at(key) !== at(place) || key.state === 'Deleted') return 'KeyNotFound';
    if (!key.forDisks) return 'NotSymmetric';
    return key.state === 'Enabled' ? undefined : 'CMKNotEnabled';
  }
}

export function at({ account, region }: Place): string {
  return `${account} in ${region}`;
}

/** What a request answers: `ok`, or the code of its refusal. */
export type Outcome = string;

/** The code of a key's trouble at an operation (facts.md 2.3, decisions.md B3, B6, B8). */
export function codeOf(trouble: KeyTrouble, notFound = 'InvalidParameter.KMSKeyId.NotFound'): Outcome {
  switch (trouble) {
    case 'KmsNotEnabled':
      return 'InvalidParameter.KmsNotEnabled';
    case 'KeyNotFound':
      return notFound;
    case 'NotSymmetric':
      return 'InvalidKMSKeyId.NotSymmetric';
    case 'KMSUnauthorized':
    case 'CMKNotEnabled':
      return `InvalidParameter.KMSKeyId.${trouble}`;
  }
}
