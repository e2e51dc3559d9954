import { describe, expect, it } from "vitest";
import { lastId } from "./csv";

describe("a CSV page", () => {
  it("tells how many records it has and the last one's id", () => {
    expect(lastId('9,a\r\n8,"b, ""c""\r\nd"\r\n7,e\r\n')).toEqual({ id: 7, rows: 3 });
    expect(lastId("")).toEqual({ id: undefined, rows: 0 });
    expect(lastId("12,x")).toEqual({ id: 12, rows: 1 });
  });
});
