import type { MockConsole } from "./console";

/** How long a message is under way, in milliseconds. */
const DELAY_MS = 5;

/** An EventSource whose server is a `MockConsole`. */
export function mockEventSource(api: MockConsole): typeof EventSource {
  class MockEventSource extends EventTarget {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSED = 2;
    readonly CONNECTING = 0;
    readonly OPEN = 1;
    readonly CLOSED = 2;
    readonly withCredentials = false;
    readyState = 0;
    onopen: ((event: Event) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;
    onmessage: ((event: MessageEvent) => void) | null = null;
    readonly url: string;
    #stop: (() => void) | undefined;
    #watch: ReturnType<typeof setInterval> | undefined;

    constructor(url: string | URL) {
      super();
      this.url = String(url);
      setTimeout(() => this.#connect(), DELAY_MS);
    }

    #connect(): void {
      if (this.readyState === 2) return;
      api.log.push("GET /api/v1/events");
      if (api.away || !api.loggedIn || api.expired) {
        this.#fail();
        return;
      }
      this.readyState = 1;
      this.onopen?.(new Event("open"));
      this.#stop = api.listen(({ event, data }) => {
        this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
      });
      this.#watch = setInterval(() => {
        if (api.away || api.expired) this.#fail();
      }, DELAY_MS);
    }

    #fail(): void {
      this.close();
      this.onerror?.(new Event("error"));
    }

    close(): void {
      this.readyState = 2;
      clearInterval(this.#watch);
      this.#stop?.();
    }
  }
  return MockEventSource as unknown as typeof EventSource;
}
