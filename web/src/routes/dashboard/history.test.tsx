import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { wholeRange } from "../../api/history";
import type { StatsSummary } from "../../api/model";
import { MockConsole, problem } from "../../mock-api/console";
import { mockHistory } from "../../mock-api/history";
import { renderApp } from "../../testing/render";

/** What was drawn: there is no canvas here. The lines themselves are looked at in a browser. */
const drawn: { names: string[]; data: (number | null)[][] }[] = [];

vi.mock("uplot", () => ({
  default: class {
    cursor = { idx: null };
    constructor(options: { series: { label?: string }[] }, data: (number | null)[][]) {
      drawn.push({ names: options.series.slice(1).map((one) => one.label ?? ""), data });
    }
    setData(): void {}
    setSize(): void {}
    setCursor(): void {}
    valToPos(): number {
      return 0;
    }
    destroy(): void {}
  },
}));

beforeEach(() => {
  drawn.length = 0;
});

const figures = async () => within(await screen.findByRole("region", { name: "Figures" }));

describe("the dashboard's history", () => {
  it.each([
    ["24 h", "24 hours", "step=minute&group=10"],
    ["7 d", "7 days", "step=hour&group=1"],
    ["30 d", "30 days", "step=hour&group=6"],
  ])(
    "draws %s with axes of time, remembers the choice, and asks for few points",
    async (choice, words, asked) => {
      const api = new MockConsole();
      const urls: string[] = [];
      const handle = api.handle.bind(api);
      api.handle = (request) => {
        urls.push(request.url);
        return handle(request);
      };
      const { user } = renderApp("/", api);
      const part = await figures();
      await user.click(await part.findByRole("button", { name: choice }));
      for (const title of ["Requests/s", "Success rate", "Time of requests", "Bytes/s", "Tunnel connected"]) {
        await part.findByRole("slider", { name: `${title}, the last ${words}` });
      }
      expect(urls.some((url) => url.includes(asked))).toBe(true);
      expect(drawn.map(({ names }) => names.join())).toEqual(
        expect.arrayContaining(["all,failed", "success", "p95,p50", "to visitors,to targets", "connected"]),
      );
      const [requests] = drawn;
      expect(requests?.data[0]?.length).toBeGreaterThan(100);
      expect(requests?.data[0]?.length).toBeLessThan(200);
      expect(localStorage.getItem("octoporty.dashboard-range")).toBe(choice.replace(" ", ""));
    },
  );

  it("draws gaps where the agent did not run, and never zeros", () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    const from = new Date(now - 24 * 3_600_000).toISOString();
    const history = mockHistory(new URLSearchParams({ from, step: "hour" }), "busy", now);
    const slices = wholeRange(history);
    expect(slices).toHaveLength(24);
    const gaps = slices.filter(({ point }) => point === null);
    expect(gaps).toHaveLength(24 - history.points.length);
    expect(gaps.length).toBeGreaterThan(0);
    expect(slices.every(({ at }, index) => at === Date.parse(history.from) + index * 3_600_000)).toBe(true);
  });

  it("tells a value at the keyboard's cursor", async () => {
    localStorage.setItem("octoporty.dashboard-range", "7d");
    const { user } = renderApp("/");
    const chart = await (await figures()).findByRole("slider", { name: "Success rate, the last 7 days" });
    chart.focus();
    await user.keyboard("{ArrowLeft}");
    await waitFor(() => expect(chart.getAttribute("aria-valuetext")).toMatch(/: success \d+(\.\d+)? %$/));
    await user.keyboard("{Escape}");
    await waitFor(() => expect(chart.getAttribute("aria-valuetext")).toBe("Success rate, the last 7 days"));
  });

  it("does not call the seconds of a start a missed goal", async () => {
    const api = new MockConsole();
    const handle = api.handle.bind(api);
    api.handle = async (request) => {
      const answer = await handle(request);
      if (!request.url.includes("/stats/summary")) return answer;
      const summary = (await answer.json()) as StatsSummary;
      const begun = { observedSeconds: 60, connectedSeconds: 58, uptime: 58 / 60, uptimeMet: false };
      return Response.json({ ...summary, ranges: summary.ranges.map((one) => ({ ...one, ...begun })) });
    };
    renderApp("/", api);
    const part = await figures();
    await waitFor(() =>
      expect(part.getByLabelText("The last 24 hours against the goals").textContent).toMatch(
        /Tunnel uptime, 24 hours96\.\d+ %Too early to tell ?goal 99\.9 % · of 1 min recorded, 2 s away/,
      ),
    );
  });

  it("compares success rate and uptime with their targets in a word and a figure", async () => {
    const { user } = renderApp("/");
    const part = await figures();
    const against = (words: string) => part.getByLabelText(`The last ${words} against the goals`).textContent;
    await waitFor(() =>
      expect(against("24 hours")).toMatch(/Success rate, 24 hours\d+(\.\d+)? %Missed ?goal 99\.5 %/),
    );
    expect(against("24 hours")).toMatch(
      /Tunnel uptime, 24 hours\d+(\.\d+)? %Missed ?goal 99\.9 % · of 22 h( \d+ min)? recorded, \d+ min away/,
    );
    await user.click(part.getByRole("button", { name: "30 d" }));
    await waitFor(() =>
      expect(against("30 days")).toMatch(/Success rate, 30 days99\.\d+ %Met ?goal 99\.5 %/),
    );
  });

  it("says what counts as failed and as uptime", async () => {
    renderApp("/");
    const part = await figures();
    await part.findByText(/A request failed when .* a 404 is an answer\. Uptime is .* p95\./s);
  });

  it("says so before anything was recorded", async () => {
    const { user } = renderApp("/", "empty");
    const part = await figures();
    expect(await part.findAllByText("No data")).toHaveLength(2);
    expect(part.getByText(/no request yet/)).toBeTruthy();
    await user.click(part.getByRole("button", { name: "7 d" }));
    await part.findByText("Nothing recorded yet");
    expect(part.queryByRole("slider")).toBeNull();
  });

  it("says what could not be loaded, and tries again", async () => {
    const { api, user } = renderApp("/");
    const part = await figures();
    api.overrides.set("GET /api/v1/stats/history", () =>
      problem(503, "store_unavailable", "The store does not answer."),
    );
    await user.click(part.getByRole("button", { name: "24 h" }));
    await part.findByText("The history could not be loaded");
    api.overrides.clear();
    await user.click(part.getByRole("button", { name: "Try again" }));
    await part.findByRole("slider", { name: "Requests/s, the last 24 hours" });
  });
});
