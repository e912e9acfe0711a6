import type { Aliases } from '../../kms/aliases.ts';
import type { Envelope } from '../../kms/envelope.ts';
import type { KeyTags } from '../../kms/key-tags.ts';
import type { KeyVersions } from '../../kms/key-versions.ts';
import type { Keys } from '../../kms/keys.ts';
import type { KmsService } from '../../kms/kms-service.ts';

/** What the KMS actions work with. */
export interface KmsDependencies {
  readonly service: KmsService;
  readonly keys: Keys;
  readonly versions: KeyVersions;
  readonly tags: KeyTags;
  readonly aliases: Aliases;
  readonly envelope: Envelope;
}
