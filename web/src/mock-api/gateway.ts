import type { CaddyConfig, GatewayUpdate, Status } from "../api/model";

/** What the mock console's gateway says when it is asked. */

export function queued(status: Status): GatewayUpdate {
  return {
    success: true,
    message: "The update is queued: the host's updater finds it at /data/update-signal.",
    error: null,
    agentVersion: status.version,
    gatewayVersion: status.gatewayVersion ?? null,
    status: "Queued",
  };
}

export function rejected(status: Status, message: string): GatewayUpdate {
  return { ...queued(status), success: false, message, error: message, status: "Rejected" };
}

export const caddyAway: CaddyConfig = {
  success: false,
  error:
    "No Caddy answers at http://localhost:2019: connection refused; start it, or set Gateway__CaddyAdminUrl to its admin API.",
  configJson: null,
  routes: [],
};

const proxy = (dial: string) => ({
  handler: "subroute",
  routes: [{ handle: [{ handler: "reverse_proxy", upstreams: [{ dial }] }] }],
});

const CONFIG = {
  admin: { listen: "localhost:2019" },
  apps: {
    http: {
      servers: {
        srv0: {
          listen: [":443"],
          routes: [
            {
              handle: [proxy("127.0.0.1:17200")],
              match: [{ host: ["gw.example.com"] }],
              terminal: true,
            },
            {
              handle: [proxy("127.0.0.1:17200")],
              match: [
                {
                  host: ["photos.example.com", "git.example.com", "grafana.example.com", "home.example.com"],
                },
              ],
              terminal: true,
            },
            { handle: [proxy("nas:5000")], match: [{ host: ["files.example.com"] }], terminal: true },
          ],
        },
      },
    },
    tls: {
      automation: {
        policies: [
          {
            issuers: [
              {
                challenges: { dns: { provider: { api_token: "****", name: "cloudflare" } } },
                email: "owner@example.com",
                module: "acme",
              },
            ],
            subjects: ["*.apps.example.com"],
          },
        ],
      },
    },
  },
};

export function sampleCaddy(): CaddyConfig {
  const { routes } = CONFIG.apps.http.servers.srv0;
  return {
    success: true,
    error: null,
    configJson: JSON.stringify(CONFIG),
    routes: routes.map(({ match, handle }, index) => {
      const dials = handle.flatMap((one) =>
        one.routes.flatMap((inner) =>
          inner.handle.flatMap(({ upstreams }) => upstreams.map(({ dial }) => dial)),
        ),
      );
      return {
        pointer: `/apps/http/servers/srv0/routes/${index}`,
        hosts: match.flatMap(({ host }) => host),
        dials,
        leadsHere: dials.includes("127.0.0.1:17200"),
      };
    }),
  };
}
