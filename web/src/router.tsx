import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  type RouterHistory,
  redirect,
} from "@tanstack/react-router";
import { meQuery } from "./api/auth";
import { basePath } from "./api/base";
import type { Live } from "./api/live";
import { Problem } from "./api/problem";
import { Shell } from "./layout/shell";
import { connectionSearch } from "./routes/connections/search";
import { logSearch } from "./routes/logs/search";
import { NotFound } from "./routes/not-found";
import { Opening } from "./routes/opening";
import { requestSearch } from "./routes/requests/search";
import { RouteError } from "./routes/route-error";

interface Context {
  cache: QueryClient;
  live: Live;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  // Only a path of this page: a link must not lead elsewhere after the login. What is refused has to be named as
  // undefined, or the router hands the raw value on.
  validateSearch: ({ next }: Record<string, unknown>): { next?: string | undefined } => ({
    next: typeof next === "string" && /^\/(?!\/)/.test(next) ? next : undefined,
  }),
  component: lazyRouteComponent(() => import("./routes/login"), "Login"),
});

/** Everything that needs a session. A server that does not answer is no reason to ask for a password. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.cache.ensureQueryData(meQuery);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        const next = location.pathname + location.searchStr;
        throw redirect({ to: "/login", search: next === "/" ? {} : { next } });
      }
    }
  },
});

const dashboard = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("./routes/dashboard"), "Dashboard"),
});

const mappings = createRoute({
  getParentRoute: () => shell,
  path: "/mappings",
  component: lazyRouteComponent(() => import("./routes/mappings"), "Mappings"),
});

const newMapping = createRoute({
  getParentRoute: () => shell,
  path: "/mappings/new",
  component: lazyRouteComponent(() => import("./routes/mapping-new"), "MappingNew"),
});

const mapping = createRoute({
  getParentRoute: () => shell,
  path: "/mappings/$id",
  component: lazyRouteComponent(() => import("./routes/mapping"), "MappingPage"),
});

const inspector = createRoute({
  getParentRoute: () => shell,
  path: "/gateway/inspector",
  validateSearch: ({ url }: Record<string, unknown>): { url?: string | undefined } => ({
    url: typeof url === "string" ? url : undefined,
  }),
  component: lazyRouteComponent(() => import("./routes/inspector"), "Inspector"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  component: lazyRouteComponent(() => import("./routes/settings"), "Settings"),
});

const importExport = createRoute({
  getParentRoute: () => shell,
  path: "/import-export",
  component: lazyRouteComponent(() => import("./routes/import-export"), "ImportExport"),
});

const requests = createRoute({
  getParentRoute: () => shell,
  path: "/logs/requests",
  validateSearch: requestSearch,
  component: lazyRouteComponent(() => import("./routes/requests"), "Requests"),
});

const connections = createRoute({
  getParentRoute: () => shell,
  path: "/logs/connections",
  validateSearch: connectionSearch,
  component: lazyRouteComponent(() => import("./routes/connections"), "Connections"),
});

/** A line's own address is the list's with the line beside it, which the list shows itself. */
const Nothing = () => null;

const agentLogs = createRoute({
  getParentRoute: () => shell,
  path: "/logs/agent",
  validateSearch: logSearch,
  component: lazyRouteComponent(() => import("./routes/agent-logs"), "AgentLogs"),
});

const agentLine = createRoute({ getParentRoute: () => agentLogs, path: "$id", component: Nothing });

const gateway = createRoute({
  getParentRoute: () => shell,
  path: "/gateway",
  beforeLoad: () => {
    throw redirect({ to: "/gateway/logs", replace: true });
  },
});

const gatewayLogs = createRoute({
  getParentRoute: () => shell,
  path: "/gateway/logs",
  validateSearch: logSearch,
  component: lazyRouteComponent(() => import("./routes/gateway-logs"), "GatewayLogs"),
});

const gatewayLine = createRoute({ getParentRoute: () => gatewayLogs, path: "$id", component: Nothing });

const caddyConfig = createRoute({
  getParentRoute: () => shell,
  path: "/gateway/caddy-config",
  component: lazyRouteComponent(() => import("./routes/caddy-config"), "CaddyConfigPage"),
});

const tree = root.addChildren([
  login,
  shell.addChildren([
    dashboard,
    requests,
    connections,
    mappings,
    newMapping,
    mapping,
    inspector,
    caddyConfig,
    settings,
    importExport,
    gateway,
    gatewayLogs.addChildren([gatewayLine]),
    agentLogs.addChildren([agentLine]),
  ]),
]);

/** What takes longer than this is waited for in words, in milliseconds; what does not would only flicker. */
const PENDING_MS = 400;

export function makeRouter(context: Context, history?: RouterHistory) {
  return createRouter({
    routeTree: tree,
    context,
    basepath: basePath || "/",
    defaultPreload: "intent",
    defaultErrorComponent: RouteError,
    defaultNotFoundComponent: NotFound,
    defaultPendingComponent: Opening,
    defaultPendingMs: PENDING_MS,
    scrollRestoration: true,
    ...(history ? { history } : {}),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
