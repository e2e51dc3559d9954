import type { ReactNode } from "react";
import type { CaddyRoute } from "../../api/model";
import { Button } from "../../ui/button";
import { State } from "../../ui/state";

/** Which names Caddy leads where, and which of them to this gateway. */
export function CaddyRoutes({
  routes,
  onShow,
}: {
  routes: readonly CaddyRoute[];
  onShow: (pointer: string) => void;
}): ReactNode {
  if (routes.length === 0) {
    return (
      <p className="border-y px-1 py-3 text-sm text-muted">
        No route ends in a proxy, so nothing leads to this gateway. Give Caddy a site with{" "}
        <code>reverse_proxy</code> to the gateway's port.
      </p>
    );
  }
  return (
    <ul aria-label="Routes" className="border-t">
      {routes.map((route) => (
        <li
          key={route.pointer}
          className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-1 py-1.5 text-sm md:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)_8.5rem_auto]"
        >
          <span className="min-w-0 font-medium break-words">
            {route.hosts.length > 0 ? route.hosts.join(", ") : "Every name"}
          </span>
          <span className="col-start-1 min-w-0 font-mono text-xs break-words text-muted md:col-start-auto">
            <span className="sr-only">to </span>
            {route.dials.join(", ")}
          </span>
          <span className="col-start-1 md:col-start-auto">
            <State tone={route.leadsHere ? "good" : "unknown"}>
              {route.leadsHere ? "This gateway" : "Elsewhere"}
            </State>
          </span>
          <Button
            variant="ghost"
            className="col-start-2 row-span-3 row-start-1 -mr-2 md:col-start-auto md:row-span-1 md:row-start-auto"
            onClick={() => onShow(route.pointer)}
          >
            Show
            <span className="sr-only">
              {" "}
              {route.hosts[0] ?? "the route of every name"} in the configuration
            </span>
          </Button>
        </li>
      ))}
    </ul>
  );
}
