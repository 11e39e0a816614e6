/** What a carrier whose numbers are linked to applications has set of one. */

/** An application as its owner set it. */
export interface Application {
  answerUrl: string;
  answerMethod: string;
  eventUrl: string;
  eventMethod: string;
  signedCallbacks: boolean;
}

export const newApplication = (): Application => ({
  answerUrl: '',
  answerMethod: 'GET',
  eventUrl: '',
  eventMethod: 'POST',
  signedCallbacks: true,
});
