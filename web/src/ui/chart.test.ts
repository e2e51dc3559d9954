import { describe, expect, it, vi } from "vitest";
import { alone, rangeOf } from "./chart";

vi.mock("uplot", () => ({ default: class {} }));

describe("a chart", () => {
  it("draws values that no line leads to as dots", () => {
    expect(alone([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
    expect(alone([null, 0, null])).toEqual([1]);
    expect(alone([])).toEqual([]);
  });

  it("shows what a share lacks, and everything else from 0 on", () => {
    expect(rangeOf("share", 0.997, 1)).toEqual([0.9, 1]);
    expect(rangeOf("share", 0.62, 1)).toEqual([0.6, 1]);
    expect(rangeOf("share", null, null)).toEqual([0.9, 1]);
    expect(rangeOf("number", 3, 10)[0]).toBe(0);
    expect(rangeOf("bytes", null, null)).toEqual([0, 1]);
    expect(rangeOf("number", 0, 0)).toEqual([0, 1]);
  });
});
