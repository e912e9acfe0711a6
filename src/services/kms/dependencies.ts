import type { Aliases } from '../../kms/aliases.ts';
import type { Envelope } from '../../kms/envelope.ts';
import type { ImportedMaterial } from '../../kms/imported-material.ts';
import type { KeyPairs } from '../../kms/key-pairs.ts';
import type { KeyTags } from '../../kms/key-tags.ts';
import type { KeyVersions } from '../../kms/key-versions.ts';
import type { Keys } from '../../kms/keys.ts';
import type { KmsService } from '../../kms/kms-service.ts';
import type { Macs } from '../../kms/macs.ts';

/** What the KMS actions work with. */
export interface KmsDependencies {
  readonly service: KmsService;
  readonly keys: Keys;
  readonly versions: KeyVersions;
  readonly tags: KeyTags;
  readonly aliases: Aliases;
  readonly envelope: Envelope;
  readonly keyPairs: KeyPairs;
  readonly macs: Macs;
  readonly importedMaterial: ImportedMaterial;
}
