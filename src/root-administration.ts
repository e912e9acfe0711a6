/** What the owner does with the root of trust over the admin socket. A part of main.ts. */
import type { AdminOperations, KeyBackup, KeyRestore, RootKeyStatus } from './admin/admin-protocol.ts';
import { isoSeconds } from './base/clock.ts';
import { SystemError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { findKey } from './metadata/keys.ts';
import { backUpKeys, openKeyBackup } from './root/key-backup.ts';
import type { KeyBackupParts } from './root/key-backup.ts';
import { applyRestore, isRestored, planRestore } from './root/key-restore.ts';
import type { RestorePlan } from './root/key-restore.ts';
import type { ProviderKind, RootKeyProvider } from './root/provider.ts';
import { providerOf } from './root/providers.ts';
import type { RootSettings } from './root/providers.ts';
import type { Resealing } from './root/resealing.ts';
import type { RootOfTrust } from './root/root-of-trust.ts';
import { providerKind } from './root-settings.ts';

export interface RootAdministrationParts extends KeyBackupParts {
  readonly dataDirectory: string;
  readonly settings: RootSettings;
  readonly trust: RootOfTrust;
  readonly resealing: Resealing;
  readonly log: Logger;
  /** Puts on record that something is done, and what became of it. */
  readonly administer: <T>(operation: string, details: object, body: () => Promise<T>) => Promise<T>;
}

export type RootAdministration = Pick<
  AdminOperations,
  'unseal' | 'rootKey' | 'rotateRootKey' | 'backupKeys' | 'restoreKeys'
>;

export function rootAdministration(parts: RootAdministrationParts): RootAdministration {
  const { trust, resealing, log, administer } = parts;
  const provider = (kind: ProviderKind, passphrase?: Uint8Array): RootKeyProvider =>
    providerOf(parts, kind, passphrase);
  return {
    unseal: async () => ({ provider: trust.provider }),
    rootKey: async () => statusOf(parts),
    rotateRootKey: async ({ to }, passphrase) => {
      const before = trust.rootKeyId;
      const kind = providerKind(to, '--to') ?? trust.provider;
      if (kind === 'kms') await refuseOwnKey(parts);
      await administer('rotateRootKey', { before, provider: kind }, () => trust.rotate({ kind, passphrase }));
      log.warn({ before, after: trust.rootKeyId, provider: trust.provider }, 'the root key was changed');
      void resealing.run();
      return statusOf(parts);
    },
    backupKeys: async ({ toProvider }, passphrase): Promise<KeyBackup> => {
      const keeper = toProvider ? provider(portable(trust.provider)) : provider('passphrase', demanded(passphrase));
      const made = await administer('backupKeys', { toProvider }, () => backUpKeys(parts, keeper));
      const { file, keys, keyVersions } = made;
      return { backup: Buffer.from(file).toString('base64'), keys, keyVersions };
    },
    restoreKeys: async ({ backup, apply, resurrect }, passphrase) => {
      const content = await openKeyBackup(parts, Buffer.from(backup, 'base64'), (kind) => provider(kind, passphrase));
      try {
        const plan = await planRestore(parts, content, resurrect);
        const restored = plan.keys.filter(isRestored).map(({ key }) => key.keyId);
        const work = () => applyRestore(parts, content, plan);
        if (apply) await administer('restoreKeys', { keyIds: restored, resurrected: resurrect }, work);
        return describe(plan, content.createdMs, apply);
      } finally {
        for (const keyFile of content.keyFiles) keyFile.fill(0);
      }
    },
  };
}

function statusOf({ trust, resealing }: RootAdministrationParts): RootKeyStatus {
  return {
    provider: trust.provider,
    rootKeyId: trust.rootKeyId,
    created: isoSeconds(trust.rootKeyCreatedMs),
    storeKeys: trust.keyring.storeKeys.map(({ number, purpose, createdMs }) => ({
      number,
      purpose,
      created: isoSeconds(createdMs),
    })),
    resealing: resealing.progress,
  };
}

/** A server that is sealed under a key of its own could never be opened again. */
async function refuseOwnKey({ settings, database }: RootAdministrationParts): Promise<void> {
  const keyId = settings.kms?.keyId.split('/').at(-1) ?? '';
  if ((await findKey(database.read, keyId)) === undefined) return;
  throw new SystemError(
    'invalid',
    'ROOT_KEY_CIRCULAR',
    `The key ${keyId} is this server's own, which it could not use before it is open; set SEALDISK_KMS_KEY to a key of another KMS.`,
  );
}

/** A root key in a file changes with every rotation, so that a backup under it would soon open with nothing. */
function portable(kind: ProviderKind): ProviderKind {
  if (kind === 'pkcs11' || kind === 'kms') return kind;
  throw new SystemError(
    'invalid',
    'BACKUP_WANTS_PASSPHRASE',
    'The root key is kept by neither a token nor another KMS; give the backup a passphrase of its own with --passphrase-file.',
  );
}

function demanded(passphrase: Uint8Array | undefined): Uint8Array {
  if (passphrase !== undefined) return passphrase;
  throw new SystemError('invalid', 'BACKUP_WANTS_PASSPHRASE', 'Give the backup a passphrase with --passphrase-file.');
}

function describe(plan: RestorePlan, createdMs: number, applied: boolean): KeyRestore {
  const keys = plan.keys.map(({ key: { keyId, accountId, regionId }, outcome, resurrected }) => ({
    keyId,
    accountId,
    regionId,
    outcome,
    resurrected,
  }));
  return { created: isoSeconds(createdMs), applied, keys, accounts: plan.accounts };
}
