import { randomUUID } from 'node:crypto';
import { errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { MemorySpace, ProcessMemory } from '../../../memory/memory.ts';
import type { Asker } from './bridge-access.ts';

/**
 * One call at a time of each conversation, over all instances: which instance has it lies in the memory that they share, and whoever opens it elsewhere has
 * that one close its own first. Where the memory fails a page is answered all the same: two calls of one conversation harm nobody but itself.
 */

/** Longer than any call may last, ms. */
const KEPT_MS = 25 * 3_600_000;
const MOST = 100_000;
/** How long another instance may take to close its call, ms. */
const ASK_MS = 5_000;
/** Others may claim it at the same time; more often than this somebody plays with us. */
const TRIES = 4;

interface Claim {
  readonly instance: string;
  /** Tells the claims of one instance apart. */
  readonly id: string;
}

/** What is asked of the instance that has the conversation. */
interface OfConversation {
  readonly conversationId: string;
  readonly asker: Asker;
}

interface Typed extends OfConversation {
  readonly text: string;
  readonly id?: string | undefined;
}

/** What this instance does with a conversation of its own, after it looked whether the asker may; each rejects with the error to answer with. */
export interface OwnConversations {
  /** Ends its call, for one that is opened elsewhere; resolves when it is freed, or there was none. */
  replace(conversationId: string, asker: Asker): Promise<void>;
  close(conversationId: string, asker: Asker): Promise<void>;
  text(conversationId: string, asker: Asker, text: string, id?: string): Promise<void>;
}

export class Conversations {
  readonly #fleet: Fleet;
  readonly #claims: MemorySpace<Claim>;
  readonly #mine = new Map<string, Claim>();

  constructor({ fleet, memory, own }: { fleet: Fleet; memory: Pick<ProcessMemory, 'space'>; own: OwnConversations }) {
    this.#fleet = fleet;
    this.#claims = memory.space({ name: 'conversations', most: MOST });
    if (fleet.isAlone) return;
    fleet.serve<OfConversation, void>('conversation.replace', async ({ conversationId, asker }) =>
      own.replace(conversationId, asker),
    );
    fleet.serve<OfConversation, void>('conversation.close', async ({ conversationId, asker }) =>
      own.close(conversationId, asker),
    );
    fleet.serve<Typed, void>('conversation.text', async ({ conversationId, asker, text, id }) =>
      own.text(conversationId, asker, text, id),
    );
  }

  /**
   * The conversation is to have its call here, now that this resolves. Rejects with what the instance says that has another: BRIDGE_FORBIDDEN (403) where
   * that is not the asker's own, PEER_LATE (504) where it does not close it in time.
   */
  async claim(conversationId: string, asker: Asker): Promise<void> {
    if (this.#fleet.isAlone || this.#mine.has(conversationId)) return;
    const mine: Claim = { instance: this.#fleet.self, id: randomUUID() };
    for (let tries = 0; tries < TRIES; tries++) {
      const put = await this.#claims.putIfAbsent(conversationId, mine, KEPT_MS).catch(() => undefined);
      // Without the memory nobody can be asked, and nothing is kept.
      if (put === undefined) return;
      const { there } = put.put ? { there: undefined } : put;
      if (there !== undefined && there.instance !== this.#fleet.self)
        await this.#closedAt(there, conversationId, asker);
      if (put.put || (await this.#taken(conversationId, there, mine))) {
        this.#mine.set(conversationId, mine);
        return;
      }
    }
  }

  /** Its call is over. */
  release(conversationId: string): void {
    const mine = this.#mine.get(conversationId);
    if (mine === undefined) return;
    this.#mine.delete(conversationId);
    // Whoever has claimed it since keeps it.
    void this.#claims.delete(conversationId, mine).catch(() => {});
  }

  /** Has the instance close the conversation's call that has it; false where none is known to. Rejects as `claim` does. */
  async close(conversationId: string, asker: Asker): Promise<boolean> {
    return this.#ask('conversation.close', { conversationId, asker });
  }

  /** Hands a typed turn to the instance that has the conversation's call; false where none is known to. Rejects with that one's error. */
  async text(conversationId: string, asker: Asker, text: string, id?: string): Promise<boolean> {
    return this.#ask('conversation.text', { conversationId, asker, text, id });
  }

  async #ask<Q extends OfConversation>(name: string, question: Q): Promise<boolean> {
    if (this.#fleet.isAlone) return false;
    const there = await this.#claims.get(question.conversationId).catch(() => undefined);
    if (there === undefined || there.instance === this.#fleet.self) return false;
    try {
      await this.#fleet.ask<Q, void>(there.instance, name, question, { withinMs: ASK_MS });
      return true;
    } catch (error) {
      if (errorCode(error) === 'PEER_UNREACHABLE') return false;
      throw error;
    }
  }

  /** An instance that is not there any more has no call. */
  async #closedAt({ instance }: Claim, conversationId: string, asker: Asker): Promise<void> {
    const question: OfConversation = { conversationId, asker };
    try {
      await this.#fleet.ask<OfConversation, void>(instance, 'conversation.replace', question, { withinMs: ASK_MS });
    } catch (error) {
      if (errorCode(error) !== 'PEER_UNREACHABLE') throw error;
    }
  }

  /** Whether the claim took the place of the one that was there; it may be gone by now, or another's. */
  #taken(conversationId: string, there: Claim | undefined, mine: Claim): Promise<boolean> {
    if (there === undefined) return Promise.resolve(false);
    return this.#claims.replace(conversationId, there, mine, KEPT_MS).catch(() => false);
  }
}
