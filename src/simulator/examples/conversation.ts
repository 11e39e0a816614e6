/** What a stand-in of one of our examples shows of its conversations. */
export interface ExampleConversation {
  /** All that the caller said. */
  heard(): { readonly samples: Int16Array; readonly rate: number };
  /** What the client sent that it may not send, in words. */
  readonly problems: readonly string[];
  readonly interruptions: number;
  readonly closed: boolean;
}

export interface ExampleServer {
  /** Of its API; of one that has none, where it waits. */
  readonly url: string;
  readonly conversations: readonly ExampleConversation[];
  close(): Promise<void>;
}

/** A stand-in of conversations that go on until it is closed. */
export function exampleServer(
  url: string,
  server: { close(): Promise<void> },
  conversations: ReadonlyArray<ExampleConversation & { cut(): void }>,
): ExampleServer {
  return {
    url,
    conversations,
    async close() {
      for (const one of conversations) one.cut();
      await server.close();
    },
  };
}
