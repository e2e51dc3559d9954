import { createMemoryHistory } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { vi } from "vitest";
import { App, type AppParts, makeApp } from "../app";
import { MockConsole, type Scenario } from "../mock-api/console";
import { mockEventSource } from "../mock-api/event-source";

/** Puts a mock console in the place of the network. */
export function connect(api: MockConsole): MockConsole {
  vi.stubGlobal("fetch", (input: RequestInfo | URL, init?: RequestInit) =>
    api.handle(new Request(input, init)),
  );
  vi.stubGlobal("EventSource", mockEventSource(api));
  return api;
}

export interface Rendered {
  api: MockConsole;
  app: AppParts;
  user: UserEvent;
  /** Where the page is now. */
  path: () => string;
  /** What its address says beside that. */
  search: () => Record<string, unknown>;
}

/** The whole page at an address, against a mock console. */
export function renderApp(address: string, scenario: Scenario | MockConsole = "busy"): Rendered {
  const api = connect(typeof scenario === "string" ? new MockConsole(scenario) : scenario);
  const app = makeApp(createMemoryHistory({ initialEntries: [address] }));
  render(<App app={app} />);
  return {
    api,
    app,
    user: userEvent.setup(),
    path: () => app.router.state.location.pathname,
    search: () => app.router.state.location.search,
  };
}
