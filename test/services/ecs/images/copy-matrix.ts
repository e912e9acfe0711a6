/** What decides about a copy of an image. */
export interface Combination {
  readonly origin: 'own' | 'shared';
  /** The source. */
  readonly encrypted: boolean;
  readonly place: 'same' | 'across';
  readonly Encrypted: boolean | undefined;
  /** Whether KMSKeyId is given. */
  readonly key: boolean;
  /** Default encryption in the destination. */
  readonly byDefault: boolean;
}

export function combinations(): readonly Combination[] {
  return (['own', 'shared'] as const).flatMap((origin) =>
    [false, true].flatMap((encrypted) =>
      (['same', 'across'] as const).flatMap((place) =>
        [undefined, false, true].flatMap((Encrypted) =>
          [false, true].flatMap((key) =>
            [false, true].map((byDefault) => ({ origin, encrypted, place, Encrypted, key, byDefault })),
          ),
        ),
      ),
    ),
  );
}

/** The first line that fits decides. Sources: facts.md 5.5 to 5.7; decisions.md A11, B4, D4, E18. */
const RULES: readonly (readonly [when: Partial<Combination>, outcome: string])[] = [
  [{ key: true, Encrypted: undefined }, '400 InvalidParameter.EncryptedIllegal'],
  [{ key: true, Encrypted: false }, '400 InvalidParameter.EncryptedIllegal'],
  [{ origin: 'shared', place: 'across' }, '403 OperationDenied.SameRegionOnly'],
  [{ encrypted: true, Encrypted: false }, '403 OperationDeined.EncryptedSnapshot'],
  [{ place: 'same', Encrypted: undefined }, '403 IncorrectDestinationRegion'],
  [{ place: 'same', Encrypted: false }, '403 IncorrectDestinationRegion'],
  [{ place: 'across', encrypted: true, key: false }, '403 OperationDenied.EncryptSnapshotAcrossRegion'],
  [{ origin: 'shared', encrypted: true, key: false }, '400 InvalidParam.EncryptedMismatch'],
  [{ Encrypted: undefined, byDefault: true }, '403 InvalidEncrypted.NotMatchDiskDefaultEncryption'],
  [{ Encrypted: false, byDefault: true }, '403 InvalidEncrypted.NotMatchDiskDefaultEncryption'],
  [{ Encrypted: undefined }, 'plain'],
  [{ Encrypted: false }, 'plain'],
  [{ key: true }, 'given key'],
  [{ encrypted: true }, 'same key'],
  [{ byDefault: true }, 'default key'],
  [{}, 'service key'],
];

export function expectedOf(combination: Combination): string {
  for (const [when, outcome] of RULES)
    if (Object.entries(when).every(([name, value]) => combination[name as keyof Combination] === value)) return outcome;
  throw new Error('no rule fits');
}
