import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type RouterHistory, RouterProvider } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Live } from "./api/live";
import { LiveContext } from "./api/live-context";
import { ServerAway } from "./api/problem";
import { onSessionEnd } from "./api/session";
import { makeRouter } from "./router";
import { Toasts } from "./ui/toast";

/** The parts of the page that live as long as it does. */
export interface AppParts {
  cache: QueryClient;
  live: Live;
  router: ReturnType<typeof makeRouter>;
}

/** How often a query asks a server again that did not answer, before it says so. */
const RETRIES = 2;

export function makeApp(history?: RouterHistory): AppParts {
  const cache = new QueryClient({
    queryCache: new QueryCache(),
    mutationCache: new MutationCache(),
    defaultOptions: {
      queries: {
        // The events stream keeps what is shown up to date; a look from another tab asks again.
        staleTime: 30_000,
        retry: (count, error) => error instanceof ServerAway && count < RETRIES,
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
  const live = new Live(cache);
  const router = makeRouter({ cache, live }, history);
  return { cache, live, router };
}

export function App({ app }: { app: AppParts }): ReactNode {
  const { cache, live, router } = app;
  useEffect(
    () =>
      onSessionEnd(() => {
        live.stop();
        const { pathname, searchStr } = router.state.location;
        if (pathname === "/login") return;
        void router.navigate({ to: "/login", search: { next: pathname + searchStr }, ignoreBlocker: true });
      }),
    [live, router],
  );
  return (
    <QueryClientProvider client={cache}>
      <LiveContext value={live}>
        <RouterProvider router={router} />
        <Toasts />
      </LiveContext>
    </QueryClientProvider>
  );
}
