/** What whoever sees to people is refused with. */
export const PEOPLE_ERRORS = {
  PERSON_UNKNOWN: 'There is no such person, or the token was revoked before.',
  PERSON_NAME_TAKEN:
    'Somebody whose token is good has this name, or it is `admin`, which stands for the token of the settings: the audit log would not tell them apart.',
  PEOPLE_TOO_MANY: 'As many people as may have a token have one: revoke those of whoever needs none any more.',
} as const;
type OfPeople = typeof PEOPLE_ERRORS;
declare module '../../http/api-error.ts' {
  interface ApiErrorCodes extends OfPeople {}
}
