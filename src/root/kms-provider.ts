import { readFile } from 'node:fs/promises';

import { callRpc, RpcRefusal } from '../api/rpc-client.ts';
import type { RpcEndpoint } from '../api/rpc-client.ts';
import { isoSeconds } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { SystemError, messageOf } from '../base/errors.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { KmsRecord, ProviderRecord, RootKeyProvider } from './provider.ts';

export interface KmsSettings {
  /** `https://host`, or `http://` on loopback: the root key travels in the answer. */
  readonly endpoint: string;
  /** The id, ARN or alias of a symmetric key there. */
  readonly keyId: string;
  /** JSON with `accessKeyId` and `accessKeySecret`, readable by its owner only. */
  readonly accessKeyFile: string;
}

const KMS_VERSION = '2016-01-20';
const TIMEOUT_MS = 10_000;
/** Binds the ciphertext to what it is. */
const CONTEXT_NAME = 'sealdisk:wraps';

/** Secrets encrypted by another KMS with the same API: Alibaba Cloud's, or another Sealdisk. docs/formats/keyring.md, "kms". */
export class KmsProvider implements RootKeyProvider {
  readonly kind = 'kms';
  readonly #clock: Clock;
  readonly #settings: KmsSettings;

  constructor(clock: Clock, settings: KmsSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  async wrap(context: string, secret: Uint8Array): Promise<KmsRecord> {
    const answer = await this.#call('Encrypt', {
      KeyId: this.#settings.keyId,
      Plaintext: Buffer.from(secret).toString('base64'),
      EncryptionContext: JSON.stringify({ [CONTEXT_NAME]: context }),
    });
    return { kind: 'kms', keyId: String(answer['KeyId']), blob: String(answer['CiphertextBlob']) };
  }

  async unwrap(context: string, record: ProviderRecord): Promise<Uint8Array> {
    if (record.kind !== 'kms') throw refused('the record is not of a KMS');
    const answer = await this.#call('Decrypt', {
      CiphertextBlob: record.blob,
      EncryptionContext: JSON.stringify({ [CONTEXT_NAME]: context }),
    });
    const plaintext = Buffer.from(String(answer['Plaintext']), 'base64');
    const secret = wipeableCopy(plaintext);
    plaintext.fill(0);
    if (secret.length !== 32) throw refused('it decrypted something that is not a root key');
    return secret;
  }

  async settle(): Promise<void> {}

  async release(): Promise<void> {}

  async #call(action: string, form: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    const { endpoint } = this.#settings;
    const enough = new AbortController();
    try {
      const call = callRpc<Record<string, unknown>>(
        await this.#endpoint(),
        KMS_VERSION,
        action,
        {},
        isoSeconds(this.#clock.nowMs()),
        form,
      );
      const late = this.#clock.sleep(TIMEOUT_MS, enough.signal).then(() => {
        throw new Error(`no answer in ${TIMEOUT_MS / 1000} seconds`);
      });
      return await Promise.race([call, late]);
    } catch (error) {
      if (error instanceof SystemError) throw error;
      if (error instanceof RpcRefusal && !mayPass(error))
        throw refused(`${endpoint} refused ${action}: ${error.code} (request ${error.requestId})`, error);
      const why = error instanceof RpcRefusal ? error.code : messageOf(error);
      throw new SystemError('unavailable', 'ROOT_KMS_UNAVAILABLE', `The KMS at ${endpoint} does not help: ${why}.`, {
        cause: error,
      });
    } finally {
      enough.abort(new Error('answered'));
    }
  }

  async #endpoint(): Promise<RpcEndpoint> {
    const { endpoint, accessKeyFile } = this.#settings;
    const { protocol, host } = new URL(endpoint);
    try {
      const { accessKeyId, accessKeySecret } = JSON.parse(await readFile(accessKeyFile, 'utf8')) as Record<
        string,
        unknown
      >;
      if (typeof accessKeyId !== 'string' || typeof accessKeySecret !== 'string')
        throw new Error('it wants accessKeyId and accessKeySecret');
      return { address: host, https: protocol === 'https:', accessKeyId, accessKeySecret };
    } catch (error) {
      // Not the cause: a JSON error quotes the file.
      const why = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error);
      throw new SystemError(
        'invalid',
        'SECRET_FILE_UNREADABLE',
        `The AccessKey file ${accessKeyFile} cannot be used (${why}); check SEALDISK_KMS_ACCESS_KEY_FILE.`,
      );
    }
  }
}

/** A failure of the server, throttling, and the state of the key pass; a wrong AccessKey or key does not. */
function mayPass({ httpStatus, code }: RpcRefusal): boolean {
  return httpStatus >= 500 || httpStatus === 429 || /^(Rejected\.|Throttling|.*\.Throttling)/.test(code);
}

function refused(why: string, cause?: unknown): SystemError {
  return new SystemError(
    'denied',
    'ROOT_KMS_REFUSED',
    `The KMS that keeps the root key does not open it: ${why}; mend that, then run sealdisk unseal.`,
    { cause },
  );
}
