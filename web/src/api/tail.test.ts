import { describe, expect, it, vi } from "vitest";
import { Tail, type TailPage } from "./tail";

interface Row {
  id: number;
  word?: string;
}

const rows = (from: number, to: number): Row[] =>
  Array.from({ length: from - to + 1 }, (_, index) => ({ id: from - index }));
const ids = (tail: Tail<Row>) => tail.state().rows.map((row) => row.id);

function make(pages: (TailPage<Row> | Error | Promise<TailPage<Row>>)[]) {
  const load = vi.fn(async () => {
    const page = await pages.shift();
    if (!page) throw new Error("nobody expected this");
    if (page instanceof Error) throw page;
    return page;
  });
  return { load, tail: new Tail<Row>({ load, matches: (row) => row.word !== "no" }) };
}

describe("a log's tail", () => {
  it("has the newest, what comes after, and older ones on demand", async () => {
    const { tail, load } = make([
      { items: rows(9, 7), hasMore: true },
      { items: rows(6, 5), hasMore: false },
    ]);
    expect(tail.state().pending).toBe(true);
    await tail.reload();
    tail.add([{ id: 10 }, { id: 11, word: "no" }, { id: 12 }]);
    expect(ids(tail)).toEqual([12, 10, 9, 8, 7]);
    await tail.loadOlder();
    expect(load).toHaveBeenLastCalledWith(7, expect.anything());
    expect(ids(tail)).toEqual([12, 10, 9, 8, 7, 6, 5]);
    await tail.loadOlder();
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("keeps what is shown still while it is held", async () => {
    const { tail } = make([{ items: rows(3, 1), hasMore: false }]);
    await tail.reload();
    tail.hold();
    tail.add([{ id: 4 }]);
    tail.add([{ id: 4 }, { id: 5 }]);
    expect(ids(tail)).toEqual([3, 2, 1]);
    expect(tail.state().waiting).toBe(2);
    tail.release();
    expect(ids(tail)).toEqual([5, 4, 3, 2, 1]);
    expect(tail.state().waiting).toBe(0);
  });

  it("shows a row anew that changed", async () => {
    const { tail } = make([{ items: rows(3, 1), hasMore: false }]);
    await tail.reload();
    tail.add([{ id: 2, word: "ended" }]);
    expect(tail.state().rows).toEqual([{ id: 3 }, { id: 2, word: "ended" }, { id: 1 }]);
  });

  it("joins the newest to what it has, without a gap or a double", async () => {
    let answer: (page: TailPage<Row>) => void = () => {};
    const late = new Promise<TailPage<Row>>((resolve) => {
      answer = resolve;
    });
    const { tail } = make([{ items: rows(5, 4), hasMore: true }, late]);
    await tail.reload();
    const joined = tail.reload();
    tail.add([{ id: 8 }]);
    answer({ items: rows(7, 5), hasMore: true });
    await joined;
    expect(ids(tail)).toEqual([8, 7, 6, 5, 4]);
    expect(tail.state().hasMore).toBe(true);
  });

  it("drops what the newest do not reach back to", async () => {
    const { tail } = make([
      { items: rows(5, 4), hasMore: false },
      { items: rows(99, 90), hasMore: true },
    ]);
    await tail.reload();
    await tail.reload();
    expect(ids(tail)).toEqual(rows(99, 90).map((row) => row.id));
    expect(tail.state().hasMore).toBe(true);
  });

  it("follows a log that begins anew", async () => {
    const { tail } = make([
      { items: rows(500, 400), hasMore: false },
      { items: rows(2, 1), hasMore: false },
    ]);
    await tail.reload();
    await tail.reload();
    expect(ids(tail)).toEqual([2, 1]);
  });

  it("keeps what it has when the newest cannot be loaded, and says why", async () => {
    const { tail } = make([{ items: rows(3, 1), hasMore: true }, new Error("away"), new Error("still away")]);
    await tail.reload();
    await tail.reload();
    expect(ids(tail)).toEqual([3, 2, 1]);
    expect(tail.state().error?.message).toBe("away");
    await tail.loadOlder();
    expect(tail.state()).toMatchObject({ loadingOlder: false, hasMore: true });
    expect(tail.state().olderError?.message).toBe("still away");
  });

  it("goes on where a search has looked to, over pages that have nothing", async () => {
    const { tail, load } = make([
      { items: [], hasMore: true, nextBeforeId: 80 },
      { items: [{ id: 75 }], hasMore: true, nextBeforeId: 60 },
      ...Array.from({ length: 8 }, (_, index) => ({ items: [], hasMore: true, nextBeforeId: 50 - index })),
      { items: [{ id: 2 }], hasMore: false, nextBeforeId: null },
    ]);
    await tail.reload();
    expect(ids(tail)).toEqual([75]);
    await tail.loadOlder();
    expect(ids(tail)).toEqual([75]);
    expect(load).toHaveBeenCalledTimes(10);
    expect(tail.state().hasMore).toBe(true);
    await tail.loadOlder();
    expect(load).toHaveBeenLastCalledWith(43, expect.anything());
    expect(ids(tail)).toEqual([75, 2]);
  });

  it("has an end: the oldest leave and can be loaded again", async () => {
    const { tail } = make([{ items: rows(100_000, 1), hasMore: false }]);
    await tail.reload();
    tail.add([{ id: 100_001 }, { id: 100_002 }]);
    expect(tail.state().rows).toHaveLength(100_000);
    expect(tail.state().rows.at(-1)?.id).toBe(3);
    expect(tail.state().hasMore).toBe(true);
  });

  it("loads the newest instead of a flood that waited", async () => {
    const { tail, load } = make([
      { items: rows(1, 1), hasMore: false },
      { items: rows(6_001, 5_501), hasMore: true },
    ]);
    await tail.reload();
    tail.hold();
    tail.add(rows(6_001, 2).toReversed());
    expect(tail.state().waiting).toBe(6_000);
    tail.release();
    await vi.waitFor(() => expect(ids(tail)[0]).toBe(6_001));
    expect(load).toHaveBeenCalledTimes(2);
    expect(tail.state().rows).toHaveLength(501);
  });
});
