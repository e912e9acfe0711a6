import type { StoredCredential, StoredCredentials } from './credentials.ts';
import type { SessionCredential, SessionCredentials, TokenRefusal } from './session-credentials.ts';
import { isSessionKeyId } from './session-token.ts';

/** Permanent and temporary AccessKeys: the front door's `Credentials` (src/rpc/ports.ts). */
export class AnyCredentials {
  readonly #permanent: StoredCredentials;
  readonly #temporary: SessionCredentials;

  constructor(permanent: StoredCredentials, temporary: SessionCredentials) {
    this.#permanent = permanent;
    this.#temporary = temporary;
  }

  async find(
    accessKeyId: string,
    token: string | undefined,
  ): Promise<StoredCredential | SessionCredential | TokenRefusal | undefined> {
    return isSessionKeyId(accessKeyId)
      ? await this.#temporary.find(accessKeyId, token)
      : await this.#permanent.find(accessKeyId);
  }
}
