// Generated from openapi.json by `npm run generate`; `npm run check:api` tells when it is out of date.

export interface paths {
    "/api/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The contract. */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/agent/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The agent's own log, newest first; older lines come from the log's files, where there are any. */
        get: operations["listAgentLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Log in. */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revoke the session: its refresh tokens, its access tokens, its event streams. Without a session nothing happens. */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is logged in. */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * New tokens for a refresh token, which is used up. A token that comes a second time ends its login, unless the answer
         *     seems to be lost: within 10 s, while its successor is unused, it gives another successor. Whoever shares a token
         *     between tabs or threads has to let one of them refresh for all.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/capabilities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this side's console offers. */
        get: operations["getCapabilities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happens, as server-sent events. `Last-Event-ID` resumes; when what was missed is no longer known, a `reset`
         *     event says to fetch anew. The first event is always `status`. The stream ends with the access token, or some seconds
         *     before, and when the login is ended: refresh, then open it anew.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gateway/caddy-config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The configuration of the Caddy before the gateway. */
        get: operations["getCaddyConfig"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gateway/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The gateway's own log, newest first, asked over the tunnel. A page may have fewer lines than were asked for, and more
         *     behind it.
         */
        get: operations["listGatewayLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gateway/update": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks the gateway to have itself updated to this agent's release. */
        post: operations["updateGateway"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import-export/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All mappings and the landing page as one JSON file.
         * @description An import reads it; the original Octoporty does as well.
         */
        get: operations["exportDefinitions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import-export/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Merge definitions.
         * @description Mappings are found again by id, else by domain and path; none is deleted; what differs is updated. All of the file is
         *     stored, or nothing. With `dryRun=true` the answer tells what would be done, mistakes too.
         */
        post: operations["importDefinitions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import-export/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Put the settings of a backup back.
         * @description Its mappings and its landing page replace those that there are, at once or not at all. Logs and sessions stay as they
         *     are; `octoporty restore` puts a whole file back. With `dryRun=true` the answer tells what would be done.
         */
        post: operations["restoreBackup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import-export/sqlite": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A backup of the whole database.
         * @description All of one moment, logs too; writing goes on meanwhile. Sessions and lockouts are not in it.
         */
        get: operations["downloadBackup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logs/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The connection log, newest first; as CSV with `Accept: text/csv`, where a cell that would be a formula begins with
         *     `'`.
         */
        get: operations["listConnections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logs/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The request log, newest first; as CSV with `Accept: text/csv`, where a cell that would be a formula begins with `'`. */
        get: operations["listRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logs/requests/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One row of the request log. */
        get: operations["getRequest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mappings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All mappings, by domain and path. */
        get: operations["listMappings"];
        put?: never;
        /** Create a mapping. Answers once it is stored; `sync` says what the gateway makes of it. */
        post: operations["createMapping"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mappings/test-target": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What the agent sees of a target: it dials it as a visitor's request would. */
        post: operations["testTarget"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mappings/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One mapping. */
        get: operations["getMapping"];
        /** Replace a mapping wholly: what is left out gets its default. */
        put: operations["replaceMapping"];
        post?: never;
        /** Delete a mapping. Its rows in the request log stay until they are old. */
        delete: operations["deleteMapping"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mappings/{id}/toggle": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Enable or disable a mapping. */
        patch: operations["toggleMapping"];
        trace?: never;
    };
    "/api/v1/reconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Drop the session and dial anew, from any state. */
        post: operations["reconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings/landing-page": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The landing page. */
        get: operations["getLandingPage"];
        /** Store a landing page. */
        put: operations["putLandingPage"];
        post?: never;
        /** Back to the product's own page. */
        delete: operations["deleteLandingPage"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Figures over time, from the tables that outlive the request log. At most 3000 points. */
        get: operations["getStatsHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Figures of the last 15 minutes, since the console's start at the most. */
        get: operations["getLiveStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Success rate, uptime and other figures of the last 24 hours, 7 days and 30 days. */
        get: operations["getStatsSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tunnel's state. */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/test/diagnose": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * What a URL gives through the gateway and straight from the agent to the target, side by side. Both are real requests;
         *     redirects are shown and not followed. At most 4 inspections run at once.
         */
        post: operations["diagnose"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the agent is. */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Figures since the start of the process, for Prometheus. Needs `Agent__Metrics__Token` as a bearer token, or a
         *     session.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the console serves and can store. */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A command was taken. */
        Accepted: {
            /** @description What happens now. */
            message: string;
        };
        /** Format: binary */
        Binary: string;
        /** @description What Caddy told the gateway. */
        CaddyConfig: {
            /** @description Its whole configuration: JSON as a text. Secrets are masked. */
            configJson?: string | null;
            /** @description Why it did not, and what to change. */
            error?: string | null;
            /** @description Those of its routes that end in a proxy. */
            routes: components["schemas"]["CaddyRoute"][];
            /** @description Whether Caddy answered. */
            success: boolean;
        };
        /** @description A route of Caddy's that ends in a proxy. */
        CaddyRoute: {
            /** @description Whom Caddy dials. */
            dials: string[];
            /** @description Names that it is for; empty for all. */
            hosts: string[];
            /** @description Whether that is this gateway. */
            leadsHere: boolean;
            /** @description Where it stands in the configuration: a JSON pointer. */
            pointer: string;
        };
        /** @description What this side's console offers; the page's navigation follows it. */
        Capabilities: {
            /** @description Rooms that there are. */
            features: components["schemas"]["Feature"][];
            /** @description The gateway's public names; may be empty. */
            gatewayNames: string[];
            /** @description Kinds of mappings that can be made. */
            mappingKinds: components["schemas"]["MappingKind"][];
            /** @description Whose console this is. */
            side: components["schemas"]["ConsoleSide"];
            /** @description This release. */
            version: string;
        };
        /**
         * @description What the agent saw of a target.
         * @enum {string}
         */
        CheckState: "up" | "down" | "unknown";
        /**
         * @description Whether stream data of a mapping is compressed between gateway and agent.
         * @enum {string}
         */
        CompressionMode: "auto" | "on" | "off";
        /** @description One session of the agent. */
        ConnectionLogEntry: {
            /** @description The agent's version. */
            agentVersion: string;
            /**
             * Format: double
             * @description How long it stood; null while it stands.
             */
            durationSeconds: number | null;
            /** @description A sentence about the end. */
            endDetail: string | null;
            /**
             * @description `local_stop`, `peer_stop`, `taken_over`, `silent`, `transport_lost`, `protocol_error` or `process_ended`; null
             *     while it stands.
             */
            endReason: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC; null while it stands, or when the agent's process ended without saying so.
             */
            endedAt: string | null;
            /** @description Whom it was with. */
            gatewayUrl: string;
            /** @description The gateway's version. */
            gatewayVersion: string;
            /**
             * Format: int64
             * @description Rises with time; the cursor of `beforeId`.
             */
            id: number;
            /**
             * Format: int32
             * @description Most links that stood at once.
             */
            links: number;
            /**
             * Format: uuid
             * @description Which session.
             */
            sessionId: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            startedAt: string;
            /** @description `websocket`. */
            transport: string;
        };
        /** @description A page of the connection log, newest first. */
        ConnectionLogPage: {
            /** @description Whether older ones match. */
            hasMore: boolean;
            /** @description Newest first. */
            items: components["schemas"]["ConnectionLogEntry"][];
            /**
             * Format: int64
             * @description `beforeId` of the next page; null when there is none.
             */
            nextBeforeId: number | null;
        };
        /**
         * @description Where the agent's connector stands.
         * @enum {string}
         */
        ConnectionStatus: "Disconnected" | "Connecting" | "Authenticating" | "Syncing" | "Connected" | "Reconnecting";
        /** @description Data of the events, by the event's name. */
        ConsoleEvent: {
            /** @description The tunnel's state: first on each stream, at each change, and every 5 seconds. It is not replayed. */
            data: components["schemas"]["Status"];
            /** @enum {string} */
            event: "status";
        } | {
            /** @description Live states of mappings that changed. */
            data: components["schemas"]["MappingStatusEvent"];
            /** @enum {string} */
            event: "mapping-status";
        } | {
            /** @description Settings changed. */
            data: components["schemas"]["MappingsChangedEvent"];
            /** @enum {string} */
            event: "mappings-changed";
        } | {
            /** @description Finished requests. */
            data: components["schemas"]["RequestsEvent"];
            /** @enum {string} */
            event: "requests";
        } | {
            /** @description A session began or ended. */
            data: components["schemas"]["ConnectionLogEntry"];
            /** @enum {string} */
            event: "connection";
        } | {
            /** @description Lines of a log. */
            data: components["schemas"]["LogEvent"];
            /** @enum {string} */
            event: "log";
        } | {
            /** @description Events were missed. */
            data: components["schemas"]["ResetEvent"];
            /** @enum {string} */
            event: "reset";
        };
        /**
         * @description Whose console this is.
         * @enum {string}
         */
        ConsoleSide: "agent";
        /**
         * @description By what a request was let in.
         * @enum {string}
         */
        Credential: "cookie" | "bearer";
        /** @description A mapping in a file of definitions. */
        Definition: {
            /** @description For https targets: any certificate does. */
            allowSelfSignedCerts: boolean;
            /** @description Compression between gateway and agent. */
            compression: components["schemas"]["CompressionMode"];
            /** @description What a person calls it. */
            description: string;
            /** @description The public name, or `*.example.com`. */
            externalDomain: string;
            /** @description `keep`, `target` or a fixed name. */
            hostHeader: string;
            /**
             * Format: uuid
             * @description UUID; an import finds the mapping again by it.
             */
            id: string;
            /** @description Host or address that the agent dials. */
            internalHost: string;
            /**
             * Format: int32
             * @description Port that the agent dials.
             */
            internalPort: number;
            /** @description Whether the target is https. */
            internalUseTls: boolean;
            /** @description Whether it is served at all. */
            isEnabled: boolean;
            /** @description `http`. */
            kind: string;
            /** @description `/` for every path. */
            pathPrefix: string;
            /** @description Whether the target sees the path without the prefix. */
            stripPrefix: boolean;
        };
        /** @description Everything that an import can bring back. */
        Definitions: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            exportedAtUtc: string;
            /** @description The custom page; null while it is the product's own. */
            landingPageHtml: string | null;
            /** @description Whether it is the product's own page. */
            landingPageIsDefault: boolean;
            /** @description By domain and path. */
            mappings: components["schemas"]["Definition"][];
            /** @description `1`. */
            schemaVersion: string;
        };
        /** @description Definitions as they come in: an export of this release, of the original, or written by hand. */
        DefinitionsInput: {
            /** @description A page to store; null or left out: the page stays as it is. */
            landingPageHtml?: string | null;
            /** @description True: back to the product's own page. */
            landingPageIsDefault?: boolean | null;
            /** @description At most 20000. */
            mappings: components["schemas"]["EntryInput"][];
            /** @description `1`. */
            schemaVersion: string;
        };
        /** @description A request to inspect. A real one is made, twice. */
        DiagnoseInput: {
            /** @description Fields to add, at most 32. */
            headers?: {
                [key: string]: string;
            } | null;
            /**
             * Format: int64
             * @description Most bytes of each body: 1024 to 524288, default 131072; the nearest is taken.
             */
            maxBodyBytes?: number | null;
            /** @description `GET` (default) or `HEAD`. */
            method?: string | null;
            /** @description `http` or `https`; its host is a mapped name, the gateway's own, or else asked at the gateway alone. */
            url: string;
            /**
             * @description How the public name is reached: `dns`, `gateway`, or `auto` (default): by its address, and where there is none or
             *     nobody answers, by the gateway's.
             */
            via?: string | null;
        };
        /** @description Both sides of one URL. */
        Diagnosis: {
            /** @description Straight from the agent to the target. */
            agent: components["schemas"]["InspectedProbe"];
            /** @description What is not the same; hop-by-hop fields, `Date` and the request id aside. */
            differences: components["schemas"]["Difference"][];
            /** @description The first failure, in a sentence. */
            error: string | null;
            /** @description Through the public name. */
            gateway: components["schemas"]["InspectedProbe"];
            /** @description Rows of the request log that belong to it. */
            logs: components["schemas"]["RequestLogEntry"][];
            mapping: components["schemas"]["InspectedMapping"] | null;
            /**
             * Format: int64
             * @description Most bytes of each body, as it was taken.
             */
            maxBodyBytes: number;
            /**
             * Format: int32
             * @description How many real requests reached the gateway or the target: an inspection is no simulation.
             */
            realRequests: number;
            /**
             * @description `X-Octoporty-Request-Id` of the request through the gateway, by which its log row is found; the straight one's
             *     where the gateway gave none.
             */
            requestId: string;
            /** @description Whether both sides gave an answer of the target's. */
            success: boolean;
            /** @description What was asked for. */
            url: string;
        };
        /** @description One thing that is not the same on both sides. */
        Difference: {
            /** @description Straight from the target; null when it is not there. */
            agent: string | null;
            /** @description Through the gateway; null when it is not there. */
            gateway: string | null;
            /** @description What. */
            kind: components["schemas"]["DifferenceKind"];
            /** @description Of a header, its name. */
            name: string | null;
        };
        /**
         * @description What is not the same.
         * @enum {string}
         */
        DifferenceKind: "outcome" | "status" | "header" | "body";
        /**
         * @description A mapping as it comes in: a mapping in either vocabulary, with its id. What is left out stays as it is when the
         *     mapping is there already, else it has its default.
         */
        EntryInput: components["schemas"]["MappingInput"] & {
            /**
             * Format: uuid
             * @description Of the mapping that this is; left out: the one with the same domain and path, or a new one.
             */
            id?: string | null;
        };
        /**
         * @description A room of the console.
         * @enum {string}
         */
        Feature: "mappings" | "request-log" | "connection-log" | "landing-page" | "import-export";
        /** @description A field that an import changes. */
        FieldChange: {
            /** @description As the file calls it. */
            field: string;
            /** @description What is stored. */
            from: string;
            /** @description What would be stored. */
            to: string;
        };
        /** @description Figures of one slice of time, or of several together. */
        Figures: {
            /**
             * Format: int64
             * @description Bytes from visitors: of streams; of one mapping, of the bodies of finished requests.
             */
            bytesToTargets: number;
            /**
             * Format: int64
             * @description Bytes to visitors, likewise.
             */
            bytesToVisitors: number;
            /** @description Requests by class of status. */
            classes: components["schemas"]["StatusClasses"];
            /**
             * Format: double
             * @description How long of that its tunnel was connected, seconds.
             */
            connectedSeconds: number;
            /**
             * Format: int64
             * @description Of these, failed: status 500 and above, or cut.
             */
            errors: number;
            /**
             * Format: double
             * @description Mean time of a request, milliseconds; null without requests.
             */
            meanMs: number | null;
            /**
             * Format: double
             * @description How long the agent ran in it, seconds.
             */
            observedSeconds: number;
            /**
             * Format: double
             * @description Half of the requests took no longer, milliseconds, right to within 5 %; null without requests.
             */
            p50Ms: number | null;
            /**
             * Format: double
             * @description 95 of 100 requests took no longer, likewise.
             */
            p95Ms: number | null;
            /**
             * Format: int64
             * @description Requests that ended in it.
             */
            requests: number;
        };
        /** @description The answer. */
        GatewayUpdate: {
            /** @description This agent's release: what the gateway is asked to become. */
            agentVersion: string;
            /** @description The same when it is none. */
            error?: string | null;
            /** @description The gateway's. */
            gatewayVersion?: string | null;
            /** @description A sentence. */
            message: string;
            status?: components["schemas"]["GatewayUpdateState"] | null;
            /** @description Whether an update is on its way. */
            success: boolean;
        };
        /**
         * @description What became of the wish.
         * @enum {string}
         */
        GatewayUpdateState: "Queued" | "Rejected" | "AlreadyQueued";
        /** @description The answer of `/health`; always with status 200. */
        Health: {
            /**
             * Format: int64
             * @description Log rows that could not be kept since the start.
             */
            droppedLogRows: number;
            /** @description What is amiss, in sentences. */
            reasons: string[];
            /** @description In a word. */
            status: components["schemas"]["HealthStatus"];
            /** @description This release. */
            version: string;
        };
        /**
         * @description How the agent is.
         * @enum {string}
         */
        HealthStatus: "healthy" | "degraded";
        /** @description Figures over time. */
        History: {
            /**
             * Format: date-time
             * @description When the first slice begins. RFC 3339, UTC.
             */
            from: string;
            /**
             * Format: int32
             * @description So many of these make a point.
             */
            group: number;
            /**
             * Format: uuid
             * @description Of this mapping; null: of all together.
             */
            mapping: string | null;
            /**
             * Format: int64
             * @description Length of a point, seconds.
             */
            pointSeconds: number;
            /** @description Oldest first. Where the agent did not run there is none. */
            points: components["schemas"]["HistoryPoint"][];
            /** @description Length of the slices that are kept. */
            step: components["schemas"]["HistoryStep"];
            /**
             * Format: date-time
             * @description Slices begin before this. RFC 3339, UTC.
             */
            to: string;
        };
        /** @description A slice of time. */
        HistoryPoint: components["schemas"]["Figures"] & {
            /**
             * Format: date-time
             * @description When it began. RFC 3339, UTC.
             */
            at: string;
        };
        /**
         * @description Length of the slices that figures are kept in.
         * @enum {string}
         */
        HistoryStep: "minute" | "hour" | "day";
        /** @description The mapping that holds an endpoint. */
        Holder: {
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /** @description Its name. */
            name: string;
        };
        /**
         * @description What becomes of a mapping.
         * @enum {string}
         */
        ImportAction: "created" | "updated" | "skipped" | "deleted";
        /** @description One mapping of an import. */
        ImportEntry: {
            /** @description What becomes of it. */
            action: components["schemas"]["ImportAction"];
            /** @description Its public name, with its path if it has one. */
            address: string;
            /** @description What changes, when it is updated. */
            changes: components["schemas"]["FieldChange"][];
            /**
             * Format: uuid
             * @description The mapping's id.
             */
            id: string;
            /** @description Where it stands in the file, from 0; null for what is deleted. */
            index: number | null;
            /** @description Its name. */
            name: string;
            /** @description Why it is skipped. */
            reason: string | null;
            /** @description Its target. */
            target: string;
        };
        /** @description Something to change in the file. */
        ImportMistake: {
            /** @description Where: `mappings[3].internalPort`, counted from 0. */
            field: string;
            /** @description What to change. */
            message: string;
        };
        /**
         * @description What an import or a restore did or, as a preview, would do. `success`, `error`, the three counts and `errors` are as
         *     in the original.
         */
        ImportResult: {
            /** @description New mappings. */
            created: number;
            /** @description Those that go (a restore only). */
            deleted: number;
            /** @description Whether this is a preview: nothing was stored. */
            dryRun: boolean;
            /** @description Mapping by mapping, in the file's order. */
            entries: components["schemas"]["ImportEntry"][];
            /** @description Why not. */
            error: string | null;
            /** @description Mistakes as texts, each with its field before it. */
            errors: string[];
            /** @description The landing page. */
            landingPage: components["schemas"]["LandingPageAction"];
            /** @description Mistakes by field; the first 200. */
            mistakes: components["schemas"]["ImportMistake"][];
            /**
             * Format: int64
             * @description Of the settings that this was compared with; the `ETag` as well, for `If-Match`.
             */
            revision: number;
            /** @description Those that are stored as they come. */
            skipped: number;
            /** @description Whether it was done or, as a preview, can be done. */
            success: boolean;
            /** @description Changed ones. */
            updated: number;
        };
        /** @description The mapping that takes a URL. */
        InspectedMapping: {
            /** @description Whether it is served; the target of one that is not is asked all the same. */
            enabled: boolean;
            /** @description The public name, or `*.example.com`. */
            externalDomain: string;
            /**
             * Format: uuid
             * @description Which mapping.
             */
            id: string;
            /** @description How it is spoken to. */
            internalProtocol: components["schemas"]["Protocol"];
            /** @description `host:port` that the agent dials. */
            internalTarget: string;
            /** @description What a person calls it. */
            name: string;
            /** @description `/` for every path. */
            pathPrefix: string;
        };
        /** @description What one side got. */
        InspectedProbe: {
            /** @description The address that took the connection. */
            address: string | null;
            /** @description The body, where it is not. */
            bodyBase64: string | null;
            /** @description Why the body ended before its end, if it did. */
            bodyError: string | null;
            /** @description SHA-256 of what was read, in hex. */
            bodySha256: string | null;
            /**
             * Format: int64
             * @description Bytes of the body that were read.
             */
            bodySize: number;
            /** @description The body, where it is text. */
            bodyText: string | null;
            /** @description Whether there is more of it than `maxBodyBytes`. */
            bodyTruncated: boolean;
            /**
             * @description Stable code of that: `target_refused` …, `not_mapped`, or `public_dns`, `public_unreachable`, `public_tls`,
             *     `public_proxy`, `public_timeout`, `public_closed`, `public_malformed`, `public_internal`,
             *     `public_denied`.
             */
            code: string | null;
            /** @description `Content-Type`. */
            contentType: string | null;
            /** @description Why it was not the way that visitors go. */
            detour: string | null;
            /** @description Whom it dialled: `scheme://host:port`. */
            dialled: string | null;
            /**
             * Format: double
             * @description Milliseconds until the head of the answer, or the failure.
             */
            durationMs: number;
            /** @description What went wrong, in a sentence: there is no answer, or the gateway made it because it had none. */
            error: string | null;
            /** @description Fields of the answer, names in lower case; repeated ones in their order. */
            headers: {
                [key: string]: string[];
            };
            /** @description What to change. */
            hint: string | null;
            /** @description `HTTP/1.1` or `HTTP/1.0`. */
            httpVersion: string | null;
            /** @description Whether the gateway made the answer, in place of the target's. */
            madeByGateway: boolean;
            request: components["schemas"]["InspectedRequest"] | null;
            /**
             * Format: int32
             * @description Status.
             */
            statusCode: number | null;
            /** @description Whether an answer came, of whatever status. */
            success: boolean;
            /** @description The steps. */
            timing: components["schemas"]["InspectedTiming"];
            via: components["schemas"]["InspectedVia"] | null;
        };
        /** @description The request that was made. */
        InspectedRequest: {
            /** @description The other fields. */
            headers: {
                [key: string]: string;
            };
            /** @description `Host`. */
            host: string;
            /** @description Method. */
            method: string;
            /** @description Path and query. */
            path: string;
        };
        /** @description Milliseconds of the steps; null for a step that there was not. */
        InspectedTiming: {
            /**
             * Format: double
             * @description From there until TCP stood.
             */
            connectMs: number | null;
            /**
             * Format: double
             * @description Looking the name up.
             */
            dnsMs: number | null;
            /**
             * Format: double
             * @description From the request until the head of the answer.
             */
            firstByteMs: number | null;
            /**
             * Format: double
             * @description The TLS handshake.
             */
            tlsMs: number | null;
            /**
             * Format: double
             * @description All of it.
             */
            totalMs: number;
        };
        /**
         * @description How a public name was reached.
         * @enum {string}
         */
        InspectedVia: "dns" | "gateway";
        /** @description The landing page. */
        LandingPage: {
            /** @description MD5 of the HTML's UTF-8 bytes, 32 lower-case hex digits. */
            hash: string;
            /** @description The page. */
            html: string;
            /** @description Whether this is the product's own page. */
            isDefault: boolean;
        };
        /**
         * @description What becomes of the landing page.
         * @enum {string}
         */
        LandingPageAction: "kept" | "replaced" | "reset";
        /** @description A landing page to store. */
        LandingPageInput: {
            /** @description Not empty, at most 1048576 bytes. */
            html: string;
        };
        /** @description One link of the session. */
        Link: {
            /** @description The other end's address. */
            peer: string | null;
            /**
             * Format: double
             * @description Newest round trip through the data path, milliseconds; null before the first.
             */
            roundTripMs: number | null;
            /**
             * Format: int32
             * @description Streams open now.
             */
            streams: number;
            /** @description `websocket`. */
            transport: string;
            /**
             * Format: int64
             * @description How long it has stood, seconds.
             */
            uptimeSeconds: number;
        };
        /** @description The live state of a mapping. */
        LiveState: {
            /** @description For machines: the failure's code (`target_refused` …) or the refusal's (`taken` …). */
            code: string | null;
            /** @description A sentence. */
            reason: string | null;
            /** @description Whether a visitor would be served. */
            state: components["schemas"]["LiveStateName"];
        };
        /**
         * @description Whether a visitor would be served now.
         * @enum {string}
         */
        LiveStateName: "ok" | "target_down" | "refused" | "agent_away" | "unknown" | "disabled";
        /** @description Figures of the last 15 minutes. */
        LiveStats: {
            /**
             * Format: int64
             * @description Length of a bucket, seconds.
             */
            bucketSeconds: number;
            /** @description Oldest first; always the whole window, the newest one still filling. */
            buckets: components["schemas"]["StatsBucket"][];
            /**
             * Format: double
             * @description Bytes a second both ways, over the last minute.
             */
            bytesPerSecond: number;
            /**
             * Format: int64
             * @description Failed requests of the window.
             */
            errors: number;
            /**
             * Format: double
             * @description Failed requests a second, over the last minute.
             */
            errorsPerSecond: number;
            /** @description Newest first; at most 10. */
            newestFailures: components["schemas"]["RequestLogEntry"][];
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            now: string;
            /**
             * Format: double
             * @description 95 of 100 requests of the window took no longer, milliseconds; null without requests.
             */
            p95Ms: number | null;
            /**
             * Format: int64
             * @description Requests of the window.
             */
            requests: number;
            /**
             * Format: double
             * @description Requests a second, over the last minute.
             */
            requestsPerSecond: number;
            /**
             * Format: double
             * @description Share of the window's requests that did not fail, 0 to 1; null without requests.
             */
            successRate: number | null;
        };
        /**
         * @description `log`: lines of a process's own log, oldest first, at most every 250 ms. They are told while somebody listens and are
         *     not replayed, and some may be told that were seen already: whoever opens a stream, or opens it anew, reads the newest
         *     page by its route as well, and merges by id.
         */
        LogEvent: {
            /** @description As its route has them. */
            items: components["schemas"]["LogLine"][];
            /** @description Whose log. */
            source: components["schemas"]["LogSource"];
        };
        /**
         * @description How important a line is, least first.
         * @enum {string}
         */
        LogLevel: "trace" | "debug" | "info" | "warn" | "error";
        /** @description One line. */
        LogLine: {
            /** @description Particulars by name: the line's own, those around it as `span.name`, and its origin as `target`. */
            fields: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description Rises from line to line, over restarts too; the cursor of `beforeId`. Below 2^53.
             */
            id: number;
            /** @description How important. */
            level: components["schemas"]["LogLevel"];
            /** @description The sentence. Plain text; it may tell of what visitors sent. */
            message: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC, milliseconds.
             */
            timestamp: string;
        };
        /** @description A page of a log, newest first. */
        LogLinePage: {
            /** @description Always null. */
            error: string | null;
            /** @description Whether there may be older ones. A search that looked at many lines and found few says so as well. */
            hasMore: boolean;
            /** @description Newest first. */
            logs: components["schemas"]["LogLine"][];
            /**
             * Format: int64
             * @description `beforeId` of the next page; null when there is none.
             */
            nextBeforeId: number | null;
            /** @description Always true; a failure is a problem with a status of its own. */
            success: boolean;
        };
        /**
         * @description Whose log.
         * @enum {string}
         */
        LogSource: "agent" | "gateway";
        /** @description Who wants in. */
        LoginInput: {
            /** @description The console's password. */
            password: string;
            /** @description Only where a user name is configured: a login without it gets 400 with `errors.username`. */
            username?: string | null;
        };
        /** @description A public endpoint and the target that it leads to. */
        Mapping: {
            /** @description For https targets: any certificate does. */
            allowInvalidCertificates: boolean;
            /** @description Compression between gateway and agent. */
            compression: components["schemas"]["CompressionMode"];
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            createdAt: string;
            /** @description Whether it is served at all. */
            enabled: boolean;
            /** @description The public name, or `*.example.com`. */
            externalDomain: string;
            /**
             * Format: int32
             * @description Public port of mappings that have one of their own; null for http.
             */
            externalPort: number | null;
            /** @description `keep` (what the visitor sent), `target` (the target's own host and port) or a fixed name. */
            hostHeader: string;
            /**
             * Format: uuid
             * @description UUID, stable for the mapping's life.
             */
            id: string;
            /** @description Host or address that the agent dials. */
            internalHost: string;
            /**
             * Format: int32
             * @description Port that the agent dials.
             */
            internalPort: number;
            /** @description How the target is spoken to. */
            internalProtocol: components["schemas"]["Protocol"];
            /** @description Kind of endpoint. */
            kind: components["schemas"]["MappingKind"];
            /** @description Whether a visitor would be served now. */
            live: components["schemas"]["LiveState"];
            /** @description What a person calls it. */
            name: string;
            /** @description `/` for every path. */
            pathPrefix: string;
            /** @description Where a visitor finds it; null for wildcards and while the gateway's address is not known. */
            publicUrl: string | null;
            /** @description Whether the target sees the path without the prefix. */
            stripPrefix: boolean;
            /** @description Whether the gateway has taken the newest change. */
            sync: components["schemas"]["SyncState"];
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            updatedAt: string;
        };
        /**
         * @description A mapping to create, or the whole of what a mapping shall be. A field that is left out has its default. The older
         *     names are taken as well; where both are given, the newer wins.
         */
        MappingInput: {
            /** @description For https targets: any certificate does. Default false. */
            allowInvalidCertificates?: boolean | null;
            /** @description Older name of `allowInvalidCertificates`. */
            allowSelfSignedCerts?: boolean | null;
            /** @description `auto` (default), `on` or `off`. */
            compression?: string | null;
            /** @description Older name of `name`. */
            description?: string | null;
            /** @description Default true. */
            enabled?: boolean | null;
            /** @description The public name, or `*.example.com`. International names are taken as people write them. */
            externalDomain: string;
            /** @description `keep` (default), `target` or a fixed name. */
            hostHeader?: string | null;
            /** @description Host or address that the agent dials; `localhost` is the agent's own machine. */
            internalHost: string;
            /**
             * Format: int32
             * @description 1 to 65535.
             */
            internalPort: number;
            /** @description `Http` (default) or `Https`, in any case. */
            internalProtocol?: string | null;
            /** @description Older name: https when true. */
            internalUseTls?: boolean | null;
            /** @description Older name of `enabled`. */
            isEnabled?: boolean | null;
            /** @description `http`, the default. */
            kind?: string | null;
            /** @description What a person calls it; default: the domain. */
            name?: string | null;
            /** @description Default `/`. */
            pathPrefix?: string | null;
            /** @description Whether the target sees the path without the prefix. Default false. */
            stripPrefix?: boolean | null;
        };
        /**
         * @description What kind of public endpoint a mapping has.
         * @enum {string}
         */
        MappingKind: "http";
        /** @description The live part of a mapping, as events carry it. */
        MappingState: {
            /**
             * Format: uuid
             * @description Which mapping.
             */
            id: string;
            /** @description Whether a visitor would be served now. */
            live: components["schemas"]["LiveState"];
            /** @description Whether the gateway has taken the newest change. */
            sync: components["schemas"]["SyncState"];
        };
        /** @description `mapping-status`: live states that changed. */
        MappingStatusEvent: {
            /** @description Only those that changed. */
            mappings: components["schemas"]["MappingState"][];
        };
        /** @description `mappings-changed`: a mapping was created, changed or deleted, or the landing page was; fetch anew. */
        MappingsChangedEvent: {
            /**
             * Format: int64
             * @description Of the stored settings.
             */
            revision: number;
        };
        /** @description Who is logged in. */
        Me: {
            /** @description By what the request was let in. */
            credential: components["schemas"]["Credential"];
            /**
             * Format: date-time
             * @description When the access token ends. RFC 3339, UTC.
             */
            expiresAt: string;
            /** @description The user. */
            username: string;
        };
        /** @description RFC 9457 problem details. `application/problem+json`. */
        Problem: {
            /** @description Stable, for machines. */
            code: string;
            /** @description A sentence that says what to change. */
            detail: string;
            /** @description Messages by field, for `validation_failed` and `duplicate_endpoint`. */
            errors?: {
                [key: string]: string[];
            };
            holder?: components["schemas"]["Holder"] | null;
            /** @description The same as `detail`. */
            message: string;
            /** @description To find the answer in the log. */
            requestId: string;
            /**
             * Format: int64
             * @description Seconds until another try makes sense, with status 429 and 503; the same as `Retry-After`.
             */
            retryAfterSeconds?: number | null;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The status in words. */
            title: string;
            /** @description `about:blank`: the code says more than a page would. */
            type: string;
        };
        /**
         * @description How a target is spoken to.
         * @enum {string}
         */
        Protocol: "Http" | "Https";
        /** @description Figures of the last hours or days. */
        RangeSummary: components["schemas"]["Figures"] & {
            /**
             * Format: date-time
             * @description Begin. RFC 3339, UTC.
             */
            from: string;
            /** @description `24h`, `7d` or `30d`. */
            range: string;
            /** @description Whether that is its target or better; null without requests. */
            successMet: boolean | null;
            /**
             * Format: double
             * @description Share of requests that did not fail, 0 to 1; null without requests.
             */
            successRate: number | null;
            /**
             * Format: double
             * @description Share of the time that the agent ran in which its tunnel was connected, 0 to 1; null when it did not run.
             */
            uptime: number | null;
            /** @description Whether that is its target or better; null when the agent did not run. */
            uptimeMet: boolean | null;
        };
        /** @description The answer of `/ready`. */
        Readiness: {
            /** @description Whether requests are served and changes can be stored. */
            ready: boolean;
        };
        /** @description A refresh token, for clients without cookies. */
        RefreshInput: {
            /** @description Used when there is no `octoporty_refresh` cookie. */
            refreshToken?: string | null;
        };
        /** @description One finished request. */
        RequestLogEntry: {
            /**
             * Format: date-time
             * @description Arrival. RFC 3339, UTC.
             */
            at: string;
            /** @description The visitor's address. */
            client: string;
            /** @description Code of the failure when the gateway made the answer or cut it. */
            error: string | null;
            /** @description Particulars of the failure. */
            errorDetail: string | null;
            /**
             * Format: double
             * @description Milliseconds from then until the first byte of the answer (tunnel and target).
             */
            firstByteMs: number | null;
            /**
             * Format: double
             * @description Milliseconds in the gateway until the head was on its way to the agent.
             */
            gatewayMs: number;
            /** @description Host as the visitor asked for it. */
            host: string;
            /**
             * Format: int64
             * @description Rises with time; the cursor of `beforeId`.
             */
            id: number;
            /**
             * Format: uuid
             * @description Which mapping served it.
             */
            mappingId: string;
            /** @description Its name; null when it was deleted. */
            mappingName: string | null;
            /** @description Method. */
            method: string;
            /** @description Path without query. */
            path: string;
            /** @description Query without `?`. */
            query: string | null;
            /**
             * Format: int64
             * @description Bytes of the request's body.
             */
            requestBytes: number;
            /** @description `X-Octoporty-Request-Id`. */
            requestId: string;
            /**
             * Format: int64
             * @description Bytes of the answer's body.
             */
            responseBytes: number;
            /**
             * Format: int32
             * @description What the visitor got; 499 when it left first.
             */
            status: number;
            /**
             * Format: double
             * @description The rest of `firstByteMs`: the agent and the target.
             */
            targetMs: number | null;
            /**
             * Format: double
             * @description Milliseconds from arrival to the end of the answer.
             */
            totalMs: number;
            /**
             * Format: double
             * @description The tunnel's part of `firstByteMs`: its round trip as last measured, at most `firstByteMs`. Null where nothing
             *     came or it was not measured.
             */
            tunnelMs: number | null;
            /** @description User agent. */
            userAgent: string | null;
        };
        /** @description A page of the request log, newest first. */
        RequestLogPage: {
            /** @description Whether older ones match. */
            hasMore: boolean;
            /** @description Newest first. */
            items: components["schemas"]["RequestLogEntry"][];
            /**
             * Format: int64
             * @description `beforeId` of the next page; null when there is none.
             */
            nextBeforeId: number | null;
        };
        /** @description `requests`: finished requests, oldest first. */
        RequestsEvent: {
            /** @description As in the request log. */
            items: components["schemas"]["RequestLogEntry"][];
        };
        /** @description `reset`: what happened since the given Last-Event-ID is no longer known; fetch anew. */
        ResetEvent: {
            /** @description A sentence. */
            reason: string;
        };
        /** @description A session. The same values come as cookies. */
        Session: {
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            expiresAt: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            refreshExpiresAt: string;
            /** @description Single use; 7 days. */
            refreshToken: string;
            /** @description Access token (JWT) for `Authorization: Bearer`; 15 minutes. */
            token: string;
        };
        /** @description One slice of time. */
        StatsBucket: {
            /**
             * Format: date-time
             * @description When it began. RFC 3339, UTC.
             */
            at: string;
            /**
             * Format: int64
             * @description Bytes from visitors to targets.
             */
            bytesToTargets: number;
            /**
             * Format: int64
             * @description Bytes from targets to visitors.
             */
            bytesToVisitors: number;
            /**
             * Format: int64
             * @description Of these, failed: status 500 and above, or cut.
             */
            errors: number;
            /**
             * Format: double
             * @description 95 of 100 requests took no longer, milliseconds; null without requests.
             */
            p95Ms: number | null;
            /**
             * Format: int64
             * @description Requests that ended in it.
             */
            requests: number;
        };
        /** @description The tunnel's state. */
        Status: {
            /**
             * Format: int64
             * @description Enabled mappings.
             */
            activeMappings: number;
            /** @description Where the connector stands. */
            connectionStatus: components["schemas"]["ConnectionStatus"];
            /** @description Whether the agent's version is newer than the gateway's. */
            gatewayUpdateAvailable: boolean;
            /**
             * Format: int64
             * @description How long the gateway's process has run, seconds.
             */
            gatewayUptime: number | null;
            /** @description What the agent dials; no credential in it. */
            gatewayUrl: string;
            /** @description The gateway's version; null before the first session. */
            gatewayVersion: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            lastConnected: string | null;
            /**
             * Format: date-time
             * @description RFC 3339, UTC.
             */
            lastDisconnected: string | null;
            /** @description Why the newest attempt or session ended, and what to change. */
            lastError: string | null;
            /** @description Links that stand. */
            links: components["schemas"]["Link"][];
            /**
             * Format: int32
             * @description Attempts since the last loss; 0 while connected.
             */
            reconnectAttempts: number;
            /**
             * Format: int64
             * @description Of the stored settings; rises with each change.
             */
            revision: number;
            /**
             * Format: double
             * @description Best of the links' newest round trips, milliseconds.
             */
            roundTripMs: number | null;
            /**
             * Format: uuid
             * @description Of the session that stands, or of the last one.
             */
            sessionId: string | null;
            /**
             * Format: int64
             * @description Newest revision that the gateway has acknowledged; 0 before the first.
             */
            syncedRevision: number;
            /**
             * Format: int64
             * @description All mappings.
             */
            totalMappings: number;
            /** @description Bytes and streams. */
            traffic: components["schemas"]["Traffic"];
            /** @description Of the links; null when there is none. */
            transport: string | null;
            /**
             * Format: int64
             * @description How long the session has stood; null when there is none.
             */
            uptimeSeconds: number | null;
            /** @description The agent's version. */
            version: string;
        };
        /** @description Answers by class of status. */
        StatusClasses: {
            /**
             * Format: int64
             * @description Informational: upgraded connections.
             */
            "1xx": number;
            /**
             * Format: int64
             * @description Success.
             */
            "2xx": number;
            /**
             * Format: int64
             * @description Redirection.
             */
            "3xx": number;
            /**
             * Format: int64
             * @description The client's error, and visitors that left.
             */
            "4xx": number;
            /**
             * Format: int64
             * @description The server's error.
             */
            "5xx": number;
        };
        /** @description Figures of the last day, week and month. */
        Summary: {
            /**
             * Format: uuid
             * @description Of this mapping; null: of all together.
             */
            mapping: string | null;
            /**
             * Format: date-time
             * @description As of when. RFC 3339, UTC.
             */
            now: string;
            /** @description The shortest first. */
            ranges: components["schemas"]["RangeSummary"][];
            /** @description What to compare with. */
            targets: components["schemas"]["Targets"];
        };
        /** @description What became of a mapping's newest change at the gateway. */
        SyncState: {
            /** @description For machines, when refused: `taken`, `duplicate`, `unsupported`, `limit`, `other`. */
            code: string | null;
            /** @description For people, when refused: names the holder, says what to change. */
            reason: string | null;
            /** @description Whether the gateway has taken it. */
            state: components["schemas"]["SyncStateName"];
        };
        /**
         * @description Whether the gateway has taken the newest change of a mapping.
         * @enum {string}
         */
        SyncStateName: "pending" | "applied" | "refused";
        /** @description The answer of "Test target". */
        TargetCheck: {
            /** @description The address that answered. */
            address: string | null;
            /** @description The failure's code (`target_refused` …). */
            code: string | null;
            /**
             * Format: double
             * @description Milliseconds until the connection (with TLS) stood or failed.
             */
            durationMs: number;
            /** @description What to change; when it failed with a known code. */
            hint: string | null;
            /**
             * Format: int32
             * @description Status of the answer to `HEAD /`.
             */
            httpStatus: number | null;
            /** @description A sentence: what the agent saw and, when it failed, why. */
            message: string;
            /** @description What the agent saw. */
            state: components["schemas"]["CheckState"];
            /** @description Whether the target answered. */
            success: boolean;
            /** @description What was tried: `scheme://host:port`. */
            target: string;
        };
        /** @description What to compare shares with. */
        Targets: {
            /**
             * Format: double
             * @description Share of requests that did not fail.
             */
            successRate: number;
            /**
             * Format: double
             * @description Share of the time in which the tunnel was connected.
             */
            uptime: number;
        };
        /** @description A target to try. */
        TestTargetInput: {
            /** @description For https targets: any certificate does. Default false. */
            allowInvalidCertificates?: boolean | null;
            /** @description Older name of `allowInvalidCertificates`. */
            allowSelfSignedCerts?: boolean | null;
            /** @description Host or address that the agent dials. */
            internalHost: string;
            /**
             * Format: int32
             * @description 1 to 65535.
             */
            internalPort: number;
            /** @description `Http` (default) or `Https`, in any case. */
            internalProtocol?: string | null;
            /** @description Older name: https when true. */
            internalUseTls?: boolean | null;
        };
        /** @description Whether a mapping shall be served. */
        ToggleInput: {
            /** @description Left out: false. */
            enabled: boolean;
        };
        /** @description Bytes and streams since the agent's process started. */
        Traffic: {
            /**
             * Format: int64
             * @description Bytes from visitors to targets.
             */
            bytesToTargets: number;
            /**
             * Format: int64
             * @description Bytes from targets to visitors.
             */
            bytesToVisitors: number;
            /**
             * Format: int32
             * @description Streams open now.
             */
            streamsActive: number;
            /**
             * Format: int64
             * @description Streams opened.
             */
            streamsOpened: number;
        };
        /** @description What is wanted. */
        UpdateInput: {
            /**
             * @description Whether the gateway shall be updated even if its release is not older than the agent's.
             * @default false
             */
            force: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAgentLogs: {
        parameters: {
            query?: {
                /** @description Only lines with a lower id: `nextBeforeId` of the page before. 0 means the newest. */
                beforeId?: number;
                /** @description Lines of the page: 1 to 5000, default 1000. */
                count?: number;
                /** @description Least important level: `trace`, `debug`, `info`, `warn` or `error`. */
                level?: components["schemas"]["LogLevel"];
                /** @description Message, name or value of a field contains this, in whatever case. */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogLinePage"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginInput"];
            };
        };
        responses: {
            /** @description Logged in; sets both cookies. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Wrong password. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Locked after failures; `Retry-After` says for how long. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RefreshInput"] | null;
            };
        };
        responses: {
            /** @description Revoked; both cookies expire. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Logged in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["RefreshInput"] | null;
            };
        };
        responses: {
            /** @description New tokens; sets both cookies. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The refresh token is used up, revoked or over: log in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCapabilities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What there is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Capabilities"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description As `Last-Event-ID`, for a stream that is opened anew by hand; the header wins. */
                lastEventId?: string;
            };
            header?: {
                /** @description Id of the newest event that was seen. */
                "Last-Event-ID"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream; each event's name and data are those of `ConsoleEvent`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["ConsoleEvent"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCaddyConfig: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What Caddy says, or why it says nothing. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CaddyConfig"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is too old to be asked, or has no answer. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is away, the database is, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway did not answer in time. */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listGatewayLogs: {
        parameters: {
            query?: {
                /** @description Only lines with a lower id: `nextBeforeId` of the page before. 0 means the newest. */
                beforeId?: number;
                /** @description Lines of the page: 1 to 5000, default 1000. */
                count?: number;
                /** @description Least important level: `trace`, `debug`, `info`, `warn` or `error`. */
                level?: components["schemas"]["LogLevel"];
                /** @description Message, name or value of a field contains this, in whatever case. */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogLinePage"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is too old to be asked, or has no answer. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is away, the database is, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway did not answer in time. */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    updateGateway: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateInput"];
            };
        };
        responses: {
            /** @description The gateway's word, or why it was not asked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GatewayUpdate"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is too old to be asked, or has no answer. */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway is away, the database is, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway did not answer in time. */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    exportDefinitions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A file to keep, named by `Content-Disposition`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Definitions"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importDefinitions: {
        parameters: {
            query?: {
                /** @description `true`: tell what would be done, and do nothing. Default false. */
                dryRun?: boolean;
            };
            header?: {
                /** @description `ETag` of the preview. */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DefinitionsInput"];
            };
        };
        responses: {
            /** @description Stored; or a preview. Its `ETag` is for `If-Match`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportResult"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Sent with another Content-Type than this takes. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Others are under way; `Retry-After` says when to try again. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    restoreBackup: {
        parameters: {
            query?: {
                /** @description `true`: tell what would be done, and do nothing. Default false. */
                dryRun?: boolean;
            };
            header?: {
                /** @description `ETag` of the preview. */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        /** @description A backup, at most 1 GiB. `application/x-sqlite3` does as well. */
        requestBody: {
            content: {
                "application/octet-stream": components["schemas"]["Binary"];
            };
        };
        responses: {
            /** @description Restored; or a preview. Its `ETag` is for `If-Match`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportResult"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Sent with another Content-Type than this takes. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Others are under way; `Retry-After` says when to try again. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    downloadBackup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An SQLite database, named by `Content-Disposition`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-sqlite3": components["schemas"]["Binary"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Others are under way; `Retry-After` says when to try again. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listConnections: {
        parameters: {
            query?: {
                /** @description Began not before this moment. RFC 3339. */
                since?: string;
                /** @description Began before this moment. RFC 3339. */
                until?: string;
                /** @description Only rows with a lower id: `nextBeforeId` of the page before. */
                beforeId?: number;
                /** @description Rows of the page: 1 to 5000, default 1000; as CSV, all that there are by default. */
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionLogPage"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRequests: {
        parameters: {
            query?: {
                /** @description Of this mapping. */
                mappingId?: string;
                /** @description With this method. */
                method?: string;
                /** @description `2xx` … `5xx`, or `2` … `5`. */
                statusClass?: string;
                /** @description With this failure: `target_refused` and so on, or `visitor_left`. */
                error?: string;
                /** @description Path begins with this. */
                path?: string;
                /** @description From this address. */
                client?: string;
                /** @description With exactly this `X-Octoporty-Request-Id`. */
                requestId?: string;
                /** @description Host, path or request id contains this. */
                search?: string;
                /** @description Not before this moment. RFC 3339. */
                since?: string;
                /** @description Before this moment. RFC 3339. */
                until?: string;
                /** @description Only rows with a lower id: `nextBeforeId` of the page before. */
                beforeId?: number;
                /** @description Rows of the page: 1 to 5000, default 1000; as CSV, all that there are by default. */
                count?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestLogPage"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRequest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The row's id. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The row. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestLogEntry"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMappings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All mappings. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mapping"][];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createMapping: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MappingInput"];
            };
        };
        responses: {
            /** @description Stored; `Location` is its path. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mapping"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The endpoint is taken; `holder` says by whom. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testTarget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TestTargetInput"];
            };
        };
        responses: {
            /** @description What the agent saw; a target that is down is `success: false`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TargetCheck"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMapping: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The mapping's id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The mapping; its `ETag` is for `If-Match`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mapping"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceMapping: {
        parameters: {
            query?: never;
            header?: {
                /** @description `ETag` of what the change is based on. */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The mapping's id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MappingInput"];
            };
        };
        responses: {
            /** @description Stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mapping"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The endpoint is taken; `holder` says by whom. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteMapping: {
        parameters: {
            query?: never;
            header?: {
                /** @description `ETag` of what is to be deleted. */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The mapping's id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    toggleMapping: {
        parameters: {
            query?: never;
            header?: {
                /** @description `ETag` of what the change is based on. */
                "If-Match"?: string | null;
            };
            path: {
                /** @description The mapping's id. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ToggleInput"];
            };
        };
        responses: {
            /** @description Stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mapping"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reconnect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Under way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLandingPage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page; its `ETag`, the hash in quotes, is for `If-Match`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LandingPage"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putLandingPage: {
        parameters: {
            query?: never;
            header?: {
                /** @description `ETag` of the page that the change is based on. */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LandingPageInput"];
            };
        };
        responses: {
            /** @description Stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LandingPage"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteLandingPage: {
        parameters: {
            query?: never;
            header?: {
                /** @description `ETag` of the page that is to go. */
                "If-Match"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The product's own page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LandingPage"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed since `If-Match`. */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatsHistory: {
        parameters: {
            query?: {
                /** @description Begin. RFC 3339. Default: 24 hours before `to`. */
                from?: string;
                /** @description End. RFC 3339. Default: now. */
                to?: string;
                /** @description `minute` (kept for 48 hours), `hour` (35 days) or `day` (2 years, of UTC). Default `hour`. */
                step?: components["schemas"]["HistoryStep"];
                /** @description So many of these make a point: 1 to 1000, default 1. */
                group?: number;
                /** @description Of this mapping alone, by its id. */
                mapping?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["History"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLiveStats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveStats"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatsSummary: {
        parameters: {
            query?: {
                /** @description Of this mapping alone, by its id. Uptime is the tunnel's all the same. */
                mapping?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Summary"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not there. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tunnel's state. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    diagnose: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DiagnoseInput"];
            };
        };
        responses: {
            /** @description Both sides, whatever they gave. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Diagnosis"];
                };
            };
            /** @description Malformed or not valid; `errors` says so by field. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A browser sent this from another site's page. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Others are under way; `Retry-After` says when to try again. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database is away, or the console stops. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How it is; `degraded` has this status as well. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenMetrics 1.0. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
            /** @description Not logged in. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It serves. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description It stops, or cannot store. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
}
