import { beforeEach, describe, expect, it, vi } from "vitest";
import { MockConsole, problem } from "../mock-api/console";
import { connect } from "../testing/render";
import { bodyOf, client } from "./client";
import { Problem, ServerAway } from "./problem";
import { onSessionEnd } from "./session";

let api: MockConsole;
beforeEach(() => {
  api = connect(new MockConsole());
});

const status = () => bodyOf(client.GET("/api/v1/status"));
const mappings = () => bodyOf(client.GET("/api/v1/mappings"));

describe("a session that ran out", () => {
  it("is renewed once for many requests at the same time, and each gets its answer", async () => {
    api.expired = true;
    const answers = await Promise.all([status(), mappings(), status(), mappings()]);
    expect(answers[0].gatewayUrl).toBe("wss://gw.example.com/tunnel");
    expect(answers[3]).toHaveLength(api.mappings.length);
    expect(api.refreshes).toBe(1);
  });

  it("is not renewed again when another tab has done so meanwhile", async () => {
    api.overrides.set("GET /api/v1/status", () => {
      api.overrides.clear();
      return problem(401, "unauthorized", "Log in first.");
    });
    await expect(status()).resolves.toMatchObject({ connectionStatus: "Connected" });
    expect(api.refreshes).toBe(0);
  });

  it("sends the body again with the request", async () => {
    api.expired = true;
    const html = "<h1>again</h1>";
    await bodyOf(client.PUT("/api/v1/settings/landing-page", { body: { html } }));
    expect(api.landingPage.html).toBe(html);
  });

  it("ends when the renewal is refused, and tells so once", async () => {
    api.loggedIn = false;
    const ended = vi.fn();
    const stop = onSessionEnd(ended);
    await expect(status()).rejects.toMatchObject({ name: "Problem", status: 401 });
    expect(ended).toHaveBeenCalledTimes(1);
    stop();
  });

  it("does not end because a proxy or the store is away", async () => {
    api.expired = true;
    const ended = vi.fn();
    const stop = onSessionEnd(ended);
    api.overrides.set("POST /api/v1/auth/refresh", () => new Response("bad gateway", { status: 502 }));
    await expect(status()).rejects.toBeInstanceOf(ServerAway);
    expect(ended).not.toHaveBeenCalled();
    stop();
  });

  it("does not renew because of a wrong password", async () => {
    api.loggedIn = false;
    const login = bodyOf(client.POST("/api/v1/auth/login", { body: { password: "no" } }));
    await expect(login).rejects.toMatchObject({ status: 401, code: "wrong_credentials" });
    expect(api.refreshes).toBe(0);
  });
});

describe("errors", () => {
  it("are a Problem with its fields when the API says no", async () => {
    const body = { externalDomain: "invalid!domain", internalHost: "x", internalPort: 1, pathPrefix: "/" };
    const error = await bodyOf(client.POST("/api/v1/mappings", { body })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ status: 400, code: "validation_failed", requestId: "mock-0001" });
    expect((error as Problem).fields["externalDomain"]?.[0]).toContain("invalid!domain");
  });

  it("are ServerAway when nothing answers", async () => {
    api.away = true;
    await expect(status()).rejects.toBeInstanceOf(ServerAway);
  });

  it("have words when the answer is not JSON", async () => {
    api.overrides.set("GET /api/v1/status", () => new Response("<h1>Bad Gateway</h1>", { status: 502 }));
    await expect(status()).rejects.toMatchObject({ status: 502, message: "The console answered 502." });
  });

  it("carry the time to wait from the body or the header", () => {
    const response = new Response(null, { status: 429, headers: { "retry-after": "300" } });
    expect(Problem.from(response, undefined).retryAfter).toBe(300);
    expect(Problem.from(response, { code: "locked", retryAfterSeconds: 60 }).retryAfter).toBe(60);
    expect(Problem.from(new Response(null, { status: 500 }), null).retryAfter).toBeUndefined();
  });
});
