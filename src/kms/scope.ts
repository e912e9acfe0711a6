/** Where keys and aliases live and are unique: nothing of one account or region is visible in another. */
export interface Scope {
  readonly accountId: string;
  readonly regionId: string;
}
