import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { Sparkline } from "./sparkline";

function draw(values: (number | null)[]) {
  cleanup();
  render(
    <Sparkline values={values} label="Requests" start="15 min ago" describe={(value) => `${value} req/s`} />,
  );
  const chart = screen.getByRole("img", { name: "Requests" });
  return {
    chart,
    lines: () => [...chart.querySelectorAll("path.stroke-accent")].map((path) => path.getAttribute("d")),
  };
}

it("draws a gap as a gap", () => {
  expect(draw([1, 2, null, null, 3, 4]).lines()).toHaveLength(2);
});

it("draws nothing of nothing", () => {
  expect(draw([null, null]).lines()).toHaveLength(0);
  expect(draw([]).lines()).toHaveLength(0);
});

it("keeps zero on the floor and the highest at the top", () => {
  const [line] = draw([0, 10]).lines();
  expect(line).toBe("M0.0 41.0L240.0 3.0");
});

it("draws a line of zeros on the floor", () => {
  expect(draw([0, 0]).lines()[0]).toBe("M0.0 41.0L240.0 41.0");
});

it("tells the value under the cursor, and where there is none", () => {
  const { chart } = draw([5, null, 7]);
  chart.getBoundingClientRect = () => ({ left: 0, width: 100 }) as DOMRect;
  fireEvent.pointerMove(chart, { clientX: 99 });
  expect(screen.getByText("7 req/s")).toBeTruthy();
  fireEvent.pointerMove(chart, { clientX: 50 });
  expect(screen.getByText("no data")).toBeTruthy();
  fireEvent.pointerLeave(chart);
  expect(screen.getByText("15 min ago")).toBeTruthy();
});
