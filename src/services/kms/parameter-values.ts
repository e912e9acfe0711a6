import { BLOB_OVERHEAD_BYTES } from '../../kms/ciphertext-blob.ts';
import { CONTEXT_LENGTH_MAX } from '../../kms/encryption-context.ts';
import type { EncryptionContext } from '../../kms/encryption-context.ts';
import { invalidParameter } from './errors.ts';

/** What Encrypt takes, and the other operations on messages. Source: facts.md 2.8. */
export const MESSAGE_SIZE_BYTES_MAX = 6 * 1024;
export const BLOB_SIZE_BYTES_MAX = BLOB_OVERHEAD_BYTES + MESSAGE_SIZE_BYTES_MAX;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PAGE_SIZE_MAX = 100;
const PAGE_SIZE_DEFAULT = 10;

/** The bytes of a Base64 parameter. @throws {ApiError} InvalidParameter. */
export function base64Parameter(name: string, text: string, sizeBytesMax: number): Uint8Array {
  // Four characters hold three bytes: what is far too long is not even looked at.
  if (text === '' || text.length > Math.ceil(sizeBytesMax / 3) * 4 || !BASE64.test(text))
    throw invalidParameter(name, `Base64 of 1 to ${sizeBytesMax} bytes`);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > sizeBytesMax) throw invalidParameter(name, `Base64 of 1 to ${sizeBytesMax} bytes`);
  return bytes;
}

/** @throws {ApiError} InvalidParameter. */
export function choiceParameter<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === text);
  if (choice === undefined) throw invalidParameter(name, `one of ${choices.join(', ')}`);
  return choice;
}

/** Source: facts.md 2.8. @throws {ApiError} InvalidParameter. */
export function contextParameter(
  context: Readonly<Record<string, unknown>> | undefined,
  name = 'EncryptionContext',
): EncryptionContext {
  if (context === undefined) return {};
  // Half a surrogate pair has no UTF-8 form: two such contexts would be one.
  const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed();
  const isStrings = Object.entries(context).flat().every(isText);
  if (!isStrings || JSON.stringify(context).length > CONTEXT_LENGTH_MAX)
    throw invalidParameter(name, `a JSON object of strings, at most ${CONTEXT_LENGTH_MAX} characters`);
  return context as EncryptionContext;
}

/** @throws {ApiError} InvalidParameter. */
export function booleanParameter(name: string, text: string | undefined): boolean {
  if (text === undefined || text === '' || text.toLowerCase() === 'false' || text === '0') return false;
  if (text.toLowerCase() === 'true' || text === '1') return true;
  throw invalidParameter(name, 'true or false');
}

/** Of a key. Source: facts.md 2.9. */
const DESCRIPTION_LENGTH_MAX = 8192;

/** @throws {ApiError} InvalidParameter. */
export function descriptionParameter(name: string, text: string): string {
  if (text.length > DESCRIPTION_LENGTH_MAX)
    throw invalidParameter(name, `at most ${DESCRIPTION_LENGTH_MAX} characters`);
  return text;
}

export interface PageParameters {
  readonly pageNumber: number;
  readonly pageSize: number;
  readonly offset: number;
  readonly limit: number;
}

/** @throws {ApiError} InvalidParameter. */
export function pageParameters(input: { readonly PageNumber?: number; readonly PageSize?: number }): PageParameters {
  const { PageNumber: pageNumber = 1, PageSize: pageSize = PAGE_SIZE_DEFAULT } = input;
  // A million pages are out of reach of 200 keys, and offsets stay exact numbers.
  if (!Number.isInteger(pageNumber) || pageNumber < 1 || pageNumber > 1_000_000)
    throw invalidParameter('PageNumber', 'a whole number from 1');
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > PAGE_SIZE_MAX)
    throw invalidParameter('PageSize', `a whole number from 1 to ${PAGE_SIZE_MAX}`);
  return { pageNumber, pageSize, offset: (pageNumber - 1) * pageSize, limit: pageSize };
}
