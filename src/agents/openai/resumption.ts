import type { ConversationContext } from './context.ts';
import { functionCallItem, functionOutputItem, textItem } from './messages.ts';
import { continuePrompt, repeatPrompt } from './prompts.ts';
import type { CallerTurn, ResponseParams } from './turns.ts';

/** What a new session must be told and asked, so that the caller notices as little as possible of the loss of the old one. Pure. */

/** How things stood when the session was lost. */
export interface AtLoss {
  readonly callerTurn: CallerTurn;
  /** Whether a response was being generated, and what it had been asked for with. */
  readonly active: boolean;
  readonly activeParams: ResponseParams;
  /** Whether that response had called tools, and whether all of them had been answered. */
  readonly calledTools: boolean;
  readonly toolsAnswered: boolean;
  /** Whether a message was being played out of the server's buffer. */
  readonly cutShort: boolean;
  /** The words of the message in question that the caller heard. */
  readonly said: string;
  readonly lastTurn: { readonly role: 'user' | 'assistant'; readonly known: boolean } | undefined;
  /** A failed response was about to be asked for again. */
  readonly retrying: boolean;
  readonly instructions: string | undefined;
}

/** The response that is owed to the caller; undefined for none. */
export function owedAfterLoss(at: AtLoss): { readonly params: ResponseParams } | undefined {
  switch (at.callerTurn) {
    case 'speaking':
      // The caller is heard by the next session, and answered then.
      return undefined;
    case 'awaiting': {
      const understood = at.lastTurn?.role === 'user' && at.lastTurn.known;
      return { params: understood ? undefined : { instructions: repeatPrompt(at.instructions) } };
    }
    case 'none':
      break;
    default:
      at.callerTurn satisfies never;
  }
  // After a tool call it is the result that makes the model speak, when it is in.
  if (at.active && at.calledTools) return at.toolsAnswered ? { params: undefined } : undefined;
  if (at.active || at.cutShort) {
    return {
      params: at.said === '' ? at.activeParams : { instructions: continuePrompt(at.instructions, at.said) },
    };
  }
  return at.retrying ? { params: undefined } : undefined;
}

/** The conversation so far as client events, oldest first. */
export function* replay(context: ConversationContext, beta: boolean): Generator<string> {
  for (const item of context.items()) {
    if (item.kind === 'message') yield textItem(item, beta);
    else if (item.kind === 'call') yield functionCallItem(item.callId, item.name, item.arguments);
    else yield functionOutputItem(item.callId, item.output);
  }
}
