import { isoSeconds } from '../base/clock.ts';
import type { CommittedReader } from '../metadata/reader.ts';
import { WhileUnchanged } from '../metadata/while-unchanged.ts';
import { parseArn } from './arn.ts';
import { attachedPolicies } from './attached-policies.ts';
import { DenialReports } from './denial-reports.ts';
import { keyPolicyFor } from './key-policies.ts';
import { conditionValues } from './policy/condition-values.ts';
import type { ConditionContext, ConditionValues } from './policy/condition-values.ts';
import { decide } from './policy/evaluate.ts';
import type { Access, DecidedBy, DecidingLayer, Decision, NamedPolicy, PolicySet } from './policy/evaluate.ts';
import { PolicyDocuments } from './policy/policy-documents.ts';
import { holderOf, principalArn } from './principals.ts';
import type { Signer } from './principals.ts';
import { asksForTags, resourceTagContext } from './resource-tags.ts';

export type { Signer } from './principals.ts';

/** What policy conditions can ask about a request. */
export interface RequestFacts {
  readonly nowMs: number;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
  /** The tags that the request wants to give to a resource. */
  readonly requestTags?: Readonly<Record<string, string>>;
}

/** What was decided about one access. Without `by`, an Allow is the account's own right, and a refusal nobody's statement. */
export interface AccessDecision {
  readonly access: Access;
  readonly effect: Decision['effect'];
  readonly by?: DecidedBy;
}

/** `decisions` has all that were asked about, in their order, up to the first that is refused. */
export type AuthorizationDecision =
  | { readonly allowed: true; readonly decisions: readonly AccessDecision[] }
  | {
      readonly allowed: false;
      readonly denied: Access;
      readonly reason: 'ImplicitDeny' | 'ExplicitDeny';
      readonly policyType: DecidingLayer;
      readonly by?: DecidedBy;
      readonly decisions: readonly AccessDecision[];
      /** Who was refused, as the API shows it: a user's id, `<role>:<session>`, the account. */
      readonly principal: string;
      /** For DecodeDiagnosticMessage; only where there is something to seal it with. */
      readonly diagnosticMessage?: string;
    };

type Judge = (access: Access) => Promise<{ readonly decision: Decision | OwnRight; readonly layer: DecidingLayer }>;
/** What the account itself may do needs no statement. */
interface OwnRight {
  readonly effect: 'Allow' | 'ImplicitDeny';
  readonly by?: undefined;
}

/** What the authorizer keeps between requests. */
export interface AuthorizerParts {
  readonly documents?: PolicyDocuments;
  readonly reports?: DenialReports;
}

/** More users, roles and keys than that in use at once are read more often. */
const REMEMBERED_MAX = 1000;

/** Decides what the signer of a request may do: the front door's `Authorizer` (src/rpc/ports.ts). */
export class PolicyAuthorizer {
  readonly #reader: CommittedReader;
  readonly #documents: PolicyDocuments;
  /** By user or role. */
  readonly #policies: WhileUnchanged<readonly NamedPolicy[]>;
  /** By key, and who asks. */
  readonly #keyPolicies: WhileUnchanged<NamedPolicy | undefined>;
  readonly #reports: DenialReports;

  constructor(reader: CommittedReader, parts: AuthorizerParts = {}) {
    this.#reader = reader;
    this.#documents = parts.documents ?? new PolicyDocuments();
    this.#policies = new WhileUnchanged(reader, REMEMBERED_MAX);
    this.#keyPolicies = new WhileUnchanged(reader, REMEMBERED_MAX);
    this.#reports = parts.reports ?? new DenialReports(reader);
  }

  /** Whether all of `access` is allowed, and which statement says so for each; otherwise the first that is not. */
  async decide(signer: Signer, access: readonly Access[], facts: RequestFacts): Promise<AuthorizationDecision> {
    if (access.length === 0) return { allowed: true, decisions: [] };
    const context = contextOf(signer, facts);
    const judge = await this.#judge(signer, context);
    const decisions: AccessDecision[] = [];
    for (const one of access) {
      const { decision, layer } = await judge(one);
      const { effect } = decision;
      const by = decision.effect === 'ImplicitDeny' ? undefined : decision.by;
      decisions.push({ access: one, effect, ...(by && { by }) });
      if (effect === 'Allow') continue;
      const denial = { denied: one, reason: effect, policyType: layer, ...(by && { by }) } as const;
      return { allowed: false, ...denial, decisions, ...(await this.#reports.report(signer, denial, context)) };
    }
    return { allowed: true, decisions };
  }

  /**
   * What would be decided about each access if the principal asked, whether or not the ones before it are refused.
   * @param context adds to what is known about resources, and wins over it.
   */
  async simulate(
    signer: Signer,
    access: readonly Access[],
    context: ConditionContext,
  ): Promise<readonly (AccessDecision & { readonly policyType: DecidingLayer })[]> {
    const judge = await this.#judge(signer, { 'acs:PrincipalARN': principalArn(signer), ...context });
    const decided = [];
    for (const one of access) {
      const { decision, layer } = await judge(one);
      const by = decision.effect === 'ImplicitDeny' ? undefined : decision.by;
      decided.push({ access: one, effect: decision.effect, policyType: layer, ...(by && { by }) });
    }
    return decided;
  }

  async #judge(signer: Signer, context: ConditionContext): Promise<Judge> {
    const layer = 'AccountLevelIdentityBasedPolicy';
    const refuse = { decision: { effect: 'ImplicitDeny' }, layer } as const;
    // The account itself passes every check on what it owns, and on nothing else. Source: facts.md 6.4.
    if (signer.principalType === 'Account') {
      return async (access) => {
        if (owns(signer.accountId, access.resource)) return { decision: { effect: 'Allow' }, layer };
        const ofKey = await this.#keyPolicy(signer, access);
        const theirs = ofKey && decide({ identity: [ofKey] }, access, await this.#valuesFor(access, context));
        return theirs?.decision.effect === 'Allow' ? theirs : refuse;
      };
    }
    const policies = await this.#policiesOf(signer);
    if (policies === undefined) return () => Promise.resolve(refuse);
    const needsTags = policiesIn(policies).some(({ rules }) =>
      rules.some(({ conditionKeys }) => conditionKeys.some(asksForTags)),
    );
    const values = conditionValues(context);
    return async (access) => {
      const isOwn = speaksAbout(signer.accountId, access);
      const ofKey = await this.#keyPolicy(signer, access);
      // A policy speaks for its own account only, also where it says `*`: for a key of others they have to say it too.
      if (!isOwn && ofKey === undefined) return refuse;
      const all = needsTags || ofKey !== undefined ? await this.#valuesFor(access, context) : values;
      if (ofKey === undefined) return decide(policies, access, all);
      if (isOwn) return decide({ ...policies, identity: [...policies.identity, ofKey] }, access, all);
      const theirs = decide({ identity: [ofKey] }, access, all);
      // Which of their statements refuses would tell that there is such a key.
      return theirs.decision.effect === 'Allow' ? decide(policies, access, all) : refuse;
    };
  }

  /** What conditions can ask about the request and the resource. */
  async #valuesFor({ resource }: Access, context: ConditionContext): Promise<ConditionValues> {
    return conditionValues({ ...(await resourceTagContext(this.#reader, resource)), ...context });
  }

  #keyPolicy(signer: Signer, { resource }: Access): Promise<NamedPolicy | undefined> {
    const principal = principalArn(signer);
    return this.#keyPolicies.get(`${resource} ${principal}`, () =>
      keyPolicyFor(this.#reader, this.#documents, resource, principal),
    );
  }

  async #policiesOf(signer: Signer): Promise<PolicySet | undefined> {
    const holder = holderOf(signer);
    if (holder === undefined) return undefined;
    const identity = await this.#policies.get(Object.values(holder).join(' ').toLowerCase(), () =>
      attachedPolicies(this.#reader, this.#documents, holder),
    );
    if (signer.sessionPolicy === undefined) return { identity };
    const rules = this.#documents.policy(signer.sessionPolicy);
    const attachedTo = `${holder.principalType}/${holder.principalName}`;
    return { identity, session: { kind: 'Session', name: 'session policy', version: '', attachedTo, rules } };
  }
}

function policiesIn({ session, identity }: PolicySet): readonly NamedPolicy[] {
  return session === undefined ? identity : [session, ...identity];
}

/** Source: RAM documentation, "Policy elements", common condition keys. Calls with an AccessKey never show an MFA device. */
function contextOf(signer: Signer, facts: RequestFacts): ConditionContext {
  const tags = Object.entries(facts.requestTags ?? {}).map(([key, value]) => [`acs:RequestTag/${key}`, value]);
  return {
    'acs:CurrentTime': isoSeconds(facts.nowMs),
    'acs:SourceIp': facts.sourceIp,
    'acs:SecureTransport': String(facts.secureTransport),
    'acs:MFAPresent': 'false',
    'acs:PrincipalARN': principalArn(signer),
    ...Object.fromEntries(tags),
  };
}

/**
 * A policy speaks for its own account only, also where it says `*`. But whether somebody may ask for a role of another
 * account is said here; whether they get it, by that role's trust policy.
 */
function speaksAbout(accountId: string, { action, resource }: Access): boolean {
  return action === 'sts:AssumeRole' || owns(accountId, resource);
}

/** System policies belong to `system` and are everybody's. */
function owns(accountId: string, resource: string): boolean {
  const arn = parseArn(resource);
  return arn?.accountId === accountId || (arn?.service === 'ram' && arn.accountId === 'system');
}
