import { describe, expect, it } from "vitest";
import { ancestors, below, firstOpen, type Json, moved, rowsOf } from "./tree-model";

const CONFIG: Json = {
  admin: { listen: "localhost:2019" },
  apps: {
    "a/b": [{ match: [{ host: ["x.test", "y.test"] }], handle: [{ handler: "reverse_proxy", n: 1 }] }],
  },
  empty: {},
  off: null,
};

const texts = (open: Iterable<string>) =>
  rowsOf(CONFIG, new Set(open)).map((row) => `${row.level} ${row.name}: ${row.text}`);

describe("the tree of a configuration", () => {
  it("shows what is inside of open branches, in order", () => {
    expect(texts([])).toEqual(["1 config: {4 fields}"]);
    expect(texts(["", "/admin"])).toEqual([
      "1 config: {4 fields}",
      "2 admin: {1 field}",
      '3 listen: "localhost:2019"',
      "2 apps: {1 field}",
      "2 empty: {}",
      "2 off: null",
    ]);
  });

  it("names a closed route by its hosts, and a handler by its kind", () => {
    const open = ["", "/apps", "/apps/a~1b"];
    expect(texts(open)).toContain("4 0: {x.test, y.test}");
    expect(texts([...open, "/apps/a~1b/0", "/apps/a~1b/0/handle"])).toContain("6 0: {reverse_proxy}");
  });

  it("opens at first the way to what is marked, else two levels", () => {
    expect(ancestors("/apps/a~1b/0")).toEqual(["", "/apps", "/apps/a~1b"]);
    expect(firstOpen(CONFIG, ["/apps/a~1b/0"])).toEqual(new Set(["", "/apps", "/apps/a~1b"]));
    expect(firstOpen(CONFIG, []).has("/admin")).toBe(true);
    expect(below("/apps", "a/b~c")).toBe("/apps/a~1b~0c");
  });

  it("moves by the keys of a tree", () => {
    const rows = rowsOf(CONFIG, new Set(["", "/admin"]));
    expect(moved(rows, 0, "ArrowDown")).toBe(1);
    expect(moved(rows, 0, "ArrowUp")).toBe(0);
    expect(moved(rows, 1, "ArrowRight")).toBe(2);
    expect(moved(rows, 2, "ArrowLeft")).toBe(1);
    expect(moved(rows, 1, "ArrowLeft")).toBeUndefined();
    expect(moved(rows, 3, "ArrowRight")).toBeUndefined();
    expect(moved(rows, 0, "End")).toBe(rows.length - 1);
    expect(moved(rows, 3, "x")).toBeUndefined();
  });
});
