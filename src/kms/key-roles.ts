import { isoSeconds, type Clock } from '../base/clock.ts';
import { isKind } from '../base/errors.ts';
import { keyArn } from './key-reference.ts';
import type { Keys } from './keys.ts';
import type { Scope } from './scope.ts';

/** What the account's role says to a request of a cloud service. Implementation: src/ram, passed in by main. */
export type EvaluateServiceRole = (request: {
  readonly accountId: string;
  readonly roleName: string;
  /** `ecs.aliyuncs.com`, or `<account>@ecs.aliyuncs.com` on behalf of another account. */
  readonly service: string;
  readonly accesses: readonly { readonly action: string; readonly resource: string }[];
  /** What the conditions of policies may ask about: `acs:CurrentTime`, `kms:tag/<key>`. */
  readonly context: Readonly<Record<string, string>>;
}) => Promise<RoleVerdict>;

export type RoleVerdict = 'role-missing' | 'not-trusted' | { readonly denied: { readonly action: string } } | 'allowed';

/** A role of the account that has the key, and the service that wants to act under it. */
export interface ServiceRole {
  readonly roleName: string;
  readonly service: string;
}

/** Asks roles about the keys of their accounts, anew each time. */
export class KeyRoles {
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #evaluate: EvaluateServiceRole;

  constructor(keys: Keys, clock: Clock, evaluate: EvaluateServiceRole) {
    this.#keys = keys;
    this.#clock = clock;
    this.#evaluate = evaluate;
  }

  /** @param keyId of the account and region of `scope`; it need not exist. */
  async ask(
    scope: Scope,
    { roleName, service }: ServiceRole,
    keyId: string,
    actions: readonly string[],
  ): Promise<RoleVerdict> {
    const resource = keyArn(scope, keyId);
    return await this.#evaluate({
      accountId: scope.accountId,
      roleName,
      service,
      accesses: actions.map((action) => ({ action, resource })),
      context: await this.#conditionContext(scope, keyId),
    });
  }

  /** Without it a conditional Deny would never apply. A key that does not exist has no tags. Source: facts.md 6.4. */
  async #conditionContext(scope: Scope, keyId: string): Promise<Readonly<Record<string, string>>> {
    const context: Record<string, string> = { 'acs:CurrentTime': isoSeconds(this.#clock.nowMs()) };
    try {
      const { tags } = await this.#keys.find(scope, keyId, { alias: 'refused' });
      for (const tag of tags) context[`kms:tag/${tag.key}`] = tag.value;
    } catch (error) {
      if (!isKind(error, 'not-found') && !isKind(error, 'invalid')) throw error;
    }
    return context;
  }
}
