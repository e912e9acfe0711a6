import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { SimulatePrincipalPolicyInput, SimulatePrincipalPolicyOutput } from '../../../api/generated/sealdisk.ts';
import { isKind } from '../../../base/errors.ts';
import type { Database } from '../../../metadata/database.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findRole } from '../../../metadata/roles.ts';
import { findUser } from '../../../metadata/users.ts';
import type { PolicyAuthorizer } from '../../../ram/authorizer.ts';
import { parsePolicy } from '../../../ram/policy/document.ts';
import { NAME_LENGTH_MAX } from '../../../ram/policy/evaluate.ts';
import { holderOf, signerOf } from '../../../ram/principals.ts';
import type { Signer } from '../../../ram/principals.ts';

/** As long as AssumeRole takes one. Source: facts.md 6.5. */
const SESSION_POLICY_LENGTH_MAX = 2048;
/** 100 actions on 10 resources, say: each pair costs a fraction of a millisecond. */
const PAIRS_MAX = 1000;

type Decided = Awaited<ReturnType<PolicyAuthorizer['simulate']>>[number];

/**
 * Tells for each action on each resource what would be decided if the principal asked, and which statement of which
 * version of which policy would decide. Nothing is done. Conditions see the tags that the resources have and what
 * `Context` says; what neither knows, such as the address of a client, is absent.
 */
export function SimulatePrincipalPolicy(deps: {
  readonly database: Database;
  readonly authorizer: PolicyAuthorizer;
}): Action<SimulatePrincipalPolicyInput, SimulatePrincipalPolicyOutput> {
  return {
    product: 'sealdisk',
    name: 'SimulatePrincipalPolicy',
    access: ({ input }) => [{ action: 'sealdisk:SimulatePrincipalPolicy', resource: input.PrincipalArn }],
    run: async ({ input, caller }) => {
      const principal = await existingPrincipal(deps.database.read, caller.accountId, input.PrincipalArn);
      const signer = { ...principal, ...sessionOf(principal, input.SessionPolicy) };
      const pairs = input.ResourceArns.flatMap((resource) => input.ActionNames.map((action) => ({ action, resource })));
      if (pairs.length > PAIRS_MAX) {
        throw invalid(`ActionNames times ResourceArns must be at most ${PAIRS_MAX}; ask for fewer at once.`);
      }
      const context = Object.entries(input.Context ?? {}).flat();
      if (context.some((text) => text.length > NAME_LENGTH_MAX)) {
        throw invalid(`Names and values of Context have at most ${NAME_LENGTH_MAX} characters.`);
      }
      const decided = await deps.authorizer.simulate(signer, pairs, input.Context ?? {});
      return { Results: { Result: decided.map(view) } };
    },
  };
}

async function existingPrincipal(reader: Reader, accountId: string, arn: string): Promise<Signer> {
  const signer = signerOf(arn);
  if (signer === undefined) {
    throw invalid(
      'PrincipalArn must be acs:ram::<account>: and root, user/<name>, role/<name> or role/<name>/<session>.',
    );
  }
  const holder = holderOf(signer);
  const name = holder?.principalName ?? '';
  const isThere =
    signer.accountId === accountId &&
    (holder === undefined ||
      (await (holder.principalType === 'user' ? findUser : findRole)(reader, accountId, name)) !== undefined);
  if (isThere) return signer;
  const code = holder?.principalType === 'role' ? 'EntityNotExist.Role' : 'EntityNotExist.User';
  throw new ApiError(code, 404, `There is no ${arn} in this account; check its spelling.`);
}

function sessionOf(principal: Signer, sessionPolicy: string | undefined): Partial<Signer> {
  if (sessionPolicy === undefined) return {};
  if (principal.principalType !== 'AssumedRoleUser') throw invalid('SessionPolicy is for roles only; leave it out.');
  if (sessionPolicy.length > SESSION_POLICY_LENGTH_MAX) {
    throw invalid(`SessionPolicy must have at most ${SESSION_POLICY_LENGTH_MAX} characters.`);
  }
  try {
    parsePolicy(sessionPolicy);
  } catch (error) {
    if (!isKind(error, 'invalid')) throw error;
    throw new ApiError('MalformedPolicyDocument', 400, `SessionPolicy: ${error.message}`, { cause: error });
  }
  return { sessionPolicy };
}

function view({ access, effect, policyType, by }: Decided) {
  return {
    Action: access.action,
    Resource: access.resource,
    Decision: effect,
    PolicyLayer: policyType,
    ...(by && {
      PolicyType: by.policyType,
      PolicyName: by.policy,
      PolicyVersion: by.version,
      AttachedTo: by.attachedTo,
      StatementIndex: by.statement,
      Line: by.at.line,
      Column: by.at.column,
    }),
  };
}

const invalid = (message: string): ApiError => new ApiError('InvalidParameter', 400, message);
