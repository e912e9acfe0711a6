import { isActionPattern } from './action.ts';
import { OPERATOR_NAMES, isOperator, operatorAccepts } from './condition.ts';
import type { Condition } from './condition.ts';
import { isEffect } from './effect.ts';
import type { Effect } from './effect.ts';
import { parseJsonTree } from './json-tree.ts';
import type { JsonMember, JsonNode } from './json-tree.ts';
import { PRINCIPAL_KINDS, isKeyPrincipal, isPrincipalName } from './principal.ts';
import type { PrincipalKind, Principals } from './principal.ts';
import { isResourcePattern } from './resource.ts';
import { PolicySyntaxError } from './syntax-error.ts';
import type { Position } from './syntax-error.ts';

/** What is stored of a document, in characters. Source: SDK, CreatePolicy; decisions.md A12. */
export const DOCUMENT_LENGTH_MAX = 6144;

/** Patterns, or everything but the patterns. */
export interface Patterns {
  readonly except: boolean;
  readonly patterns: readonly string[];
}

export interface Statement {
  readonly effect: Effect;
  /** Where it begins in the document. */
  readonly at: Position;
  readonly actions: Patterns;
  readonly conditions: readonly Condition[];
}

/** What an identity may do. */
export interface IdentityStatement extends Statement {
  readonly resources: Patterns;
}

/** Who may assume a role. */
export interface TrustStatement extends Statement {
  readonly principals: Principals;
}

/** Who may do what with the key that the policy lies on. */
export interface KeyStatement extends IdentityStatement {
  /** ARNs of users and roles, or `acs:ram::<account>:*`. */
  readonly principals: readonly string[];
}

type ObjectNode = Extract<JsonNode, { kind: 'object' }>;
type StatementKind = 'identity' | 'trust' | 'key';

const MEMBERS: Readonly<Record<StatementKind, readonly string[]>> = {
  identity: ['Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'],
  trust: ['Effect', 'Action', 'NotAction', 'Principal', 'Condition'],
  key: ['Sid', 'Effect', 'Action', 'Principal', 'Resource', 'Condition'],
};

const WHAT: Readonly<Record<StatementKind, string>> = {
  identity: 'a statement',
  trust: 'a trust statement',
  key: 'a statement of a key policy',
};

/**
 * Reads a policy: `{"Version": "1", "Statement": [{"Effect", "Action" | "NotAction", "Resource" | "NotResource", "Condition"?}]}`.
 * Anything that is not understood is refused, since a misspelt Deny would be worse than an error.
 * Source: RAM documentation, "Policy structure and syntax"; facts.md 6.4.
 * @throws {PolicySyntaxError} with line and column.
 */
export function parsePolicy(text: string): readonly IdentityStatement[] {
  return statementsOf(text, 'identity').map((node) => ({
    ...statementOf(node),
    resources: patternsOf(node, 'Resource', 'NotResource', isResourcePattern, 'acs:service:region:account:resource'),
  }));
}

/**
 * Reads a role's trust policy, whose statements have `Principal` in the place of `Resource`.
 * @throws {PolicySyntaxError} with line and column.
 */
export function parseTrustPolicy(text: string): readonly TrustStatement[] {
  return statementsOf(text, 'trust').map((node) => ({
    ...statementOf(node),
    principals: principalsOf(required(node, 'Principal')),
  }));
}

/**
 * Reads the policy of a key, whose statements have `Principal` and the one `Resource` `*`, the key itself.
 * Source: KMS API reference, SetKeyPolicy.
 * @throws {PolicySyntaxError} with line and column.
 */
export function parseKeyPolicy(text: string): readonly KeyStatement[] {
  return statementsOf(text, 'key').map((node) => {
    const sid = node.members.get('Sid')?.value;
    if (sid !== undefined && (sid.kind !== 'string' || !SID.test(sid.value)))
      throw new PolicySyntaxError('Sid must have at most 128 letters, digits, spaces and any of _/+=.@-', sid.at);
    const { members, at } = objectOf(required(node, 'Principal'), 'Principal');
    const ram = members.get('RAM');
    if (ram === undefined || members.size > 1) throw new PolicySyntaxError('Principal of a key policy knows RAM', at);
    return {
      ...statementOf(node),
      resources: patternsOf(node, 'Resource', 'NotResource', (pattern) => pattern === '*', '*: the key itself'),
      principals: textsOf(ram.value, 'RAM').map(({ value, at: place }) => {
        if (isKeyPrincipal(value)) return value;
        throw new PolicySyntaxError(`${JSON.stringify(value)} names no account, user or role (acs:ram::…)`, place);
      }),
    };
  });
}

/** Source: KMS API reference, SetKeyPolicy, Sid; the default policy's own has spaces. */
const SID = /^[A-Za-z0-9_/+=.@ -]{0,128}$/;

function statementsOf(text: string, kind: StatementKind): readonly ObjectNode[] {
  const root = objectOf(parseJsonTree(text), 'A policy');
  refuseOthers(root, ['Version', 'Statement'], 'a policy');
  const version = required(root, 'Version');
  if (version.kind !== 'string' || version.value !== '1')
    throw new PolicySyntaxError('Version must be "1"', version.at);
  const list = required(root, 'Statement');
  if (list.kind !== 'array' || list.items.length === 0) {
    throw new PolicySyntaxError('Statement must be a list with at least one statement', list.at);
  }
  return list.items.map((item) => {
    const node = objectOf(item, 'A statement');
    refuseOthers(node, MEMBERS[kind], WHAT[kind]);
    return node;
  });
}

function statementOf(node: ObjectNode): Statement {
  const effect = required(node, 'Effect');
  if (effect.kind !== 'string' || !isEffect(effect.value)) {
    throw new PolicySyntaxError('Effect must be "Allow" or "Deny"', effect.at);
  }
  const actions = patternsOf(node, 'Action', 'NotAction', isActionPattern, 'service:Operation');
  const condition = node.members.get('Condition');
  return {
    effect: effect.value,
    at: node.at,
    actions,
    conditions: condition === undefined ? [] : conditionsOf(objectOf(condition.value, 'Condition')),
  };
}

/** The one of two opposite members that is there. */
function patternsOf(
  node: ObjectNode,
  plain: string,
  opposite: string,
  isPattern: (pattern: string) => boolean,
  form: string,
): Patterns {
  const [these, others] = [node.members.get(plain), node.members.get(opposite)];
  if (these !== undefined && others !== undefined) {
    throw new PolicySyntaxError(`A statement has either ${plain} or ${opposite}`, others.at);
  }
  const member: JsonMember | undefined = these ?? others;
  if (member === undefined) throw new PolicySyntaxError(`A statement needs ${plain} or ${opposite}`, node.at);
  const patterns = textsOf(member.value, these === undefined ? opposite : plain).map(({ value, at }) => {
    if (!isPattern(value)) throw new PolicySyntaxError(`${JSON.stringify(value)} has not the form ${form}`, at);
    refuseVariables(value, at);
    return value;
  });
  return { except: these === undefined, patterns };
}

function principalsOf(node: JsonNode): Principals {
  const members = objectOf(node, 'Principal').members;
  if (members.size === 0) throw new PolicySyntaxError('Principal names nobody', node.at);
  const principals: Partial<Record<PrincipalKind, readonly string[]>> = {};
  for (const [name, member] of members) {
    const kind = PRINCIPAL_KINDS.find((known) => known === name);
    if (kind === undefined) {
      throw new PolicySyntaxError(
        `Principal knows ${PRINCIPAL_KINDS.join(', ')}, not ${JSON.stringify(name)}`,
        member.at,
      );
    }
    principals[kind] = textsOf(member.value, name).map(({ value, at }) => {
      if (!isPrincipalName(kind, value)) {
        throw new PolicySyntaxError(`${JSON.stringify(value)} is not the name of a ${kind} principal`, at);
      }
      return value;
    });
  }
  return principals;
}

function conditionsOf(node: ObjectNode): readonly Condition[] {
  return [...node.members].flatMap(([operator, member]) => {
    if (!isOperator(operator)) {
      throw new PolicySyntaxError(
        `${JSON.stringify(operator)} is not a condition operator; there are ${OPERATOR_NAMES.join(', ')}`,
        member.at,
      );
    }
    return [...objectOf(member.value, operator).members].map(([key, { value }]) => {
      const values = textsOf(value, key, 'scalars').map((text) => {
        if (!operatorAccepts(operator, text.value)) {
          throw new PolicySyntaxError(`${operator} cannot compare with ${JSON.stringify(text.value)}`, text.at);
        }
        refuseVariables(text.value, text.at);
        return text.value;
      });
      return { operator, key, values };
    });
  });
}

/** One text or a list of them; with `scalars` also numbers and booleans, as text. */
function textsOf(
  node: JsonNode,
  name: string,
  accept?: 'scalars',
): { readonly value: string; readonly at: Position }[] {
  const items = node.kind === 'array' ? node.items : [node];
  if (items.length === 0) throw new PolicySyntaxError(`${name} must not be an empty list`, node.at);
  return items.map((item) => {
    if (item.kind === 'string') return { value: item.value, at: item.at };
    if (accept === 'scalars' && item.kind === 'boolean') return { value: String(item.value), at: item.at };
    if (accept === 'scalars' && item.kind === 'number') return { value: item.text, at: item.at };
    throw new PolicySyntaxError(`${name} must be a text or a list of texts`, item.at);
  });
}

/** The language has none. Taken as it stands, `${…}` would match nothing, and a Deny that holds it would deny nothing. */
function refuseVariables(text: string, at: Position): void {
  if (text.includes('${')) {
    throw new PolicySyntaxError(`${JSON.stringify(text)} holds a variable; this policy language has none`, at);
  }
}

function objectOf(node: JsonNode, what: string): ObjectNode {
  if (node.kind !== 'object') throw new PolicySyntaxError(`${what} must be an object in braces`, node.at);
  return node;
}

function required(node: ObjectNode, name: string): JsonNode {
  const member = node.members.get(name);
  if (member === undefined) throw new PolicySyntaxError(`${name} is missing`, node.at);
  return member.value;
}

function refuseOthers(node: ObjectNode, known: readonly string[], what: string): void {
  for (const [name, { at }] of node.members) {
    if (!known.includes(name)) {
      throw new PolicySyntaxError(`${JSON.stringify(name)} is no part of ${what}, which knows ${known.join(', ')}`, at);
    }
  }
}
