import { describe, expect, it } from "vitest";
import {
  ago,
  bytes,
  bytesPerSecond,
  countdown,
  duration,
  milliseconds,
  percent,
  precisePercent,
  short,
  version,
} from "./format";

describe("figures", () => {
  it.each([
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_024, "1.0 KiB"],
    [141_312, "138 KiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
    [3 * 1024 ** 5, "3,072 TiB"],
  ])("size %d", (count, text) => expect(bytes(count)).toBe(text));

  it("rates", () => {
    expect(bytesPerSecond(2_048)).toBe("2.0 KiB/s");
    expect([0, 0.25, 4.13, 38.4, 1_240].map(short)).toEqual(["0", "0.25", "4.1", "38", "1,240"]);
  });

  it("never rounds a failure away", () => {
    expect(percent(1)).toBe("100 %");
    expect(percent(0.9999)).toBe("99.99 %");
    expect(percent(0.999999)).toBe("99.99 %");
    expect(percent(0.997)).toBe("99.7 %");
    expect(percent(0)).toBe("0 %");
    expect(precisePercent(0.99499)).toBe("99.49 %");
    expect(precisePercent(0.995)).toBe("99.5 %");
    expect(precisePercent(1)).toBe("100 %");
  });

  it.each([
    [0.123, "0.12 ms"],
    [4.06, "4.1 ms"],
    [184.2, "184 ms"],
    [1_500, "1.5 s"],
    [65_000, "1 min"],
  ])("time taken %d", (ms, text) => expect(milliseconds(ms)).toBe(text));

  it("versions begin with one v", () => {
    expect(version("0.1.0")).toBe("v0.1.0");
    expect(version("v0.1.0")).toBe("v0.1.0");
  });
});

describe("times", () => {
  it.each([
    [0, "0 s"],
    [59, "59 s"],
    [60, "1 min"],
    [3_599, "59 min"],
    [3_600, "1 h"],
    [3_660, "1 h 1 min"],
    [86_400 * 2 + 3_600 * 5 + 61, "2 d 5 h"],
    [86_400 + 60, "1 d"],
  ])("duration of %d s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it("ago", () => {
    expect([0, 5_000, 90_000, 7_200_000, 200_000_000].map((age) => ago(1e12 - age, 1e12))).toEqual([
      "just now",
      "5 s ago",
      "1 min ago",
      "2 h ago",
      "2 d ago",
    ]);
  });

  it("counts down to zero and not below", () => {
    expect([61, 60, 0.2, 0, -5].map(countdown)).toEqual(["1:01", "1:00", "0:01", "0:00", "0:00"]);
  });
});
