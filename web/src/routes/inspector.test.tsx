import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { MockConsole, problem } from "../mock-api/console";
import { type Rendered, renderApp } from "../testing/render";

const heading = () => screen.findByRole("heading", { level: 1, name: "Request Inspector" });
const url = () => screen.getByLabelText("URL") as HTMLInputElement;
const side = (name: string) => within(screen.getByRole("region", { name }));

async function open(address = "/gateway/inspector", api = new MockConsole()): Promise<Rendered> {
  const rendered = renderApp(address, api);
  await heading();
  await screen.findByLabelText("URL");
  return rendered;
}

async function inspect({ user }: Rendered, of: string): Promise<void> {
  await user.clear(url());
  await user.type(url(), of);
  await user.click(screen.getByRole("button", { name: "Inspect" }));
  await screen.findByRole("region", { name: "Gateway Response" });
}

describe("the form", () => {
  it("begins with the first mapping's public URL, and takes that of another", async () => {
    const { user } = await open();
    expect(url().value).toBe("https://photos.example.com/");
    await user.selectOptions(screen.getByLabelText("Mapping"), "Wiki · example.com/wiki");
    expect(url().value).toBe("https://example.com/wiki");
    await user.selectOptions(screen.getByLabelText("Mapping"), "Another URL");
    expect(url().value).toBe("");
  });

  it("follows the list of mappings until something is written", async () => {
    const api = new MockConsole("empty");
    const { app } = await open("/gateway/inspector", api);
    expect(url().value).toBe("");
    api.mappings = new MockConsole().mappings;
    await app.cache.invalidateQueries();
    await waitFor(() => expect(url().value).toBe("https://photos.example.com/"));
  });

  it("takes the URL of a link", async () => {
    const { api } = await open("/gateway/inspector?url=https%3A%2F%2Fgit.example.com%2Fa");
    expect(url().value).toBe("https://git.example.com/a");
    const git = api.mappings.find((mapping) => mapping.name === "Git");
    expect(screen.getByLabelText("Mapping")).toHaveProperty("value", git?.id);
  });

  it("says what an inspection is before the first one, also without a mapping", async () => {
    await open("/gateway/inspector", new MockConsole("empty"));
    expect(screen.getByText("Nothing inspected yet")).toBeTruthy();
    expect(screen.getByText(/Two real requests are made/)).toBeTruthy();
    expect(url().value).toBe("");
  });

  it("sends what was chosen", async () => {
    const rendered = await open();
    const { api, user } = rendered;
    let sent: unknown;
    const handle = api.handle.bind(api);
    api.handle = async (request) => {
      if (request.url.endsWith("/diagnose")) sent = await request.clone().json();
      return handle(request);
    };
    await user.selectOptions(screen.getByLabelText("Method"), "HEAD");
    await user.selectOptions(screen.getByLabelText("Reach the name by"), "The gateway's address");
    await inspect(rendered, "https://photos.example.com/x");
    expect(sent).toEqual({ url: "https://photos.example.com/x", method: "HEAD", via: "gateway" });
  });

  it("shows at the URL what is wrong with it", async () => {
    const { user } = await open();
    await user.clear(url());
    await user.type(url(), "photos.example.com");
    await user.click(screen.getByRole("button", { name: "Inspect" }));
    await waitFor(() => expect(url().getAttribute("aria-invalid")).toBe("true"));
    expect(screen.getByText("A URL begins with http:// or https://.")).toBeTruthy();
  });

  it("waits in words, and tells why nothing was inspected", async () => {
    const { api, user } = await open();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    api.overrides.set("POST /api/v1/test/diagnose", async () => {
      await answered;
      return problem(429, "too_many_probes", "As many inspections as may run at once are running.");
    });
    await user.click(screen.getByRole("button", { name: "Inspect" }));
    await screen.findByRole("status", { name: "Asking both sides" });
    answer();
    await screen.findByText("As many inspections as may run at once are running.");
    expect(screen.getByText("Nothing was inspected")).toBeTruthy();
  });

  it("works without the list of mappings", async () => {
    const api = new MockConsole();
    api.overrides.set("GET /api/v1/mappings", () => problem(503, "store_away", "The store is away."));
    renderApp("/gateway/inspector", api);
    await heading();
    await screen.findByText("The mappings could not be loaded", {}, { timeout: 10_000 });
    expect(url().value).toBe("");
  }, 15_000);
});

describe("the answers", () => {
  it("stand side by side; what differs is marked in words", async () => {
    const rendered = await open();
    await inspect(rendered, "https://photos.example.com/");
    expect(screen.getByText("2 differences between the two answers.")).toBeTruthy();
    const differences = side("Differences");
    expect(differences.getByRole("row", { name: /Header server/ }).textContent).toContain("not there");
    expect(differences.getByRole("row", { name: /Header x-powered-by/ })).toBeTruthy();
    const through = within(side("Gateway Response").getByRole("table", { name: "Headers" }));
    expect(through.getByRole("row", { name: /server/ }).textContent).toContain("only here");
    expect(through.getAllByRole("row", { name: /x-powered-by/ }).map((row) => row.textContent)).toEqual([
      "x-powered-bydiffersExpress",
      "x-powered-bydiffersPHP/8.3",
    ]);
    const straight = within(side("Agent Direct Response").getByRole("table", { name: "Headers" }));
    expect(straight.getAllByRole("row", { name: /set-cookie/ })).toHaveLength(2);
    expect(straight.queryByRole("row", { name: /server/ })).toBeNull();
    expect(side("Gateway Response").getByText(/TLS 18 ms/)).toBeTruthy();
    expect(side("Agent Direct Response").queryByText(/TLS/)).toBeNull();
    const rows = within(screen.getByRole("list", { name: "Matching log rows" })).getAllByRole("listitem");
    expect(rows).toHaveLength(1);
    expect(rows[0]?.textContent).toMatch(/200 GET photos\.example\.com\/.*tunnel 4\.1 ms · target/);
  });

  it("are text, whatever a target sends", async () => {
    const rendered = await open();
    await inspect(rendered, "https://photos.example.com/");
    const body = side("Gateway Response").getByRole("region", { name: "Body" });
    expect(body.textContent).toContain('<script>document.title = "taken over"</script>');
    expect(body.querySelectorAll("script, img, h1, iframe")).toHaveLength(0);
    expect(document.title).toBe("Request Inspector · Octoporty");
  });

  it("say that a body was cut, is binary or broke off", async () => {
    const { api, user } = await open();
    const found = await (await api.handle(diagnoseRequest("https://photos.example.com/"))).json();
    Object.assign(found.gateway, { bodyTruncated: true, bodySize: 2_048 });
    Object.assign(found.agent, {
      bodyText: null,
      bodyBase64: "AP8B",
      bodySize: 3,
      bodyError: "the body broke off",
    });
    found.differences = [{ kind: "body", name: null, gateway: "2048 bytes", agent: "3 bytes" }];
    api.overrides.set("POST /api/v1/test/diagnose", () => Response.json(found));
    await user.click(screen.getByRole("button", { name: "Inspect" }));
    await screen.findByText("One difference between the two answers.");
    const gateway = side("Gateway Response").getByRole("region", { name: "Body" }).textContent;
    expect(gateway).toContain("differs");
    expect(gateway).toContain("Cut after 2.0 KiB.");
    expect(side("Gateway Response").getByText("more than 2.0 KiB")).toBeTruthy();
    const agent = side("Agent Direct Response").getByRole("region", { name: "Body" }).textContent;
    expect(agent).toContain("Not text; shown in base64. Incomplete: the body broke off.");
    expect(agent).toContain("AP8B");
  });

  it("of a target that is down have code, hint and the same reason on both sides", async () => {
    const rendered = await open();
    await inspect(rendered, "https://grafana.example.com/");
    expect(screen.getByText("Both sides fail for the same reason: target refused.")).toBeTruthy();
    for (const name of ["Gateway Response", "Agent Direct Response"]) {
      expect(side(name).getByText(/start the service/)).toBeTruthy();
    }
    expect(side("Gateway Response").getByText(/said by the gateway/)).toBeTruthy();
    expect(side("Agent Direct Response").queryByRole("region", { name: "Body" })).toBeNull();
    expect(screen.queryByRole("region", { name: "Differences" })).toBeNull();
  });

  it("of a name without a mapping say so", async () => {
    const rendered = await open();
    await inspect(rendered, "https://nobody.example.com/");
    expect(screen.getByText("No mapping takes this URL: only the gateway was asked.")).toBeTruthy();
    expect(screen.getByText("One real request was made.")).toBeTruthy();
    expect(screen.getByText("Only requests to mapped names are logged.")).toBeTruthy();
  });

  it("that are equal are told to be", async () => {
    const { api, user } = await open();
    const found = await (await api.handle(diagnoseRequest("https://photos.example.com/"))).json();
    api.overrides.set("POST /api/v1/test/diagnose", () =>
      Response.json({ ...found, differences: [], logs: [] }),
    );
    await user.click(screen.getByRole("button", { name: "Inspect" }));
    await screen.findByText("Both sides gave the same answer.");
    expect(screen.getByText(/No row has arrived yet/)).toBeTruthy();
  });
});

function diagnoseRequest(of: string): Request {
  const body = JSON.stringify({ url: of });
  return new Request(`${window.location.origin}/api/v1/test/diagnose`, { method: "POST", body });
}
