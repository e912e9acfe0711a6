// A file in two lines: who keeps its key, in the clear, and its content, sealed. PURE. docs/formats/keyring.md, "Sealed file".
//
//   line 1  JSON: what the file is, its version, and the record of the provider that keeps the key of line 2
//   line 2  sealed bytes in hex; their context is `<what>:` and line 1 as it stands
import { SystemError } from '../base/errors.ts';
import type { SealedBytes } from '../kms/sealed-bytes.ts';
import { parseProviderRecord } from './provider.ts';
import type { ProviderRecord } from './provider.ts';

export type SealedFileKind = 'sealdisk-keyring' | 'sealdisk-key-backup';

const VERSION = 1;

export interface SealedFileHeader {
  readonly what: SealedFileKind;
  /** Names the key of the file: 32 hex digits. */
  readonly id: string;
  readonly createdMs: number;
  readonly provider: ProviderRecord;
}

export interface SealedFile {
  readonly header: SealedFileHeader;
  /** @throws {SystemError} kind `corrupt`: another key, or a changed header or content. */
  readonly open: (sealer: SealedBytes) => Uint8Array;
}

export function encodeSealedFile(header: SealedFileHeader, sealer: SealedBytes, content: Uint8Array): Uint8Array {
  const { what, id, createdMs, provider } = header;
  const line = JSON.stringify({ what, version: VERSION, id, createdMs, provider });
  const sealed = sealer.seal(contextOf(what, line), content);
  return Buffer.from(`${line}\n${Buffer.from(sealed).toString('hex')}\n`);
}

/** @throws {SystemError} kind `corrupt`, codes `SEALED_FILE_DAMAGED`, `SEALED_FILE_VERSION`, `PROVIDER_RECORD_DAMAGED`. */
export function parseSealedFile(what: SealedFileKind, name: string, bytes: Uint8Array): SealedFile {
  const [line = '', body = '', rest] = Buffer.from(bytes).toString('utf8').split('\n');
  let fields: Partial<Record<string, unknown>>;
  try {
    fields = (JSON.parse(line) ?? {}) as typeof fields;
  } catch {
    throw damaged(name);
  }
  const { version, id, createdMs, provider } = fields;
  if (fields['what'] !== what) throw damaged(name);
  if (version !== VERSION)
    throw new SystemError(
      'corrupt',
      'SEALED_FILE_VERSION',
      `${name} has a version that this Sealdisk does not know; open it with a newer one.`,
    );
  const isHex = body.length % 2 === 0 && /^[0-9a-f]+$/.test(body);
  if (rest !== '' || !isHex || typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id) || !Number.isSafeInteger(createdMs))
    throw damaged(name);
  return {
    header: { what, id, createdMs: createdMs as number, provider: parseProviderRecord(provider) },
    open: (sealer) => sealer.open(contextOf(what, line), Buffer.from(body, 'hex')),
  };
}

const contextOf = (what: SealedFileKind, line: string): string => `${what}:${line}`;

function damaged(name: string): SystemError {
  return new SystemError(
    'corrupt',
    'SEALED_FILE_DAMAGED',
    `${name} is damaged or not what its name says; restore it from a copy.`,
  );
}
