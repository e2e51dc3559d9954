import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { Cell, HeadCell, VirtualRows } from "./virtual-rows";

interface Row {
  id: number;
}

const rows: Row[] = Array.from({ length: 100_000 }, (_, index) => ({ id: index + 1 }));

function open(given: readonly Row[] = rows) {
  const onOpen = vi.fn();
  const onNearEnd = vi.fn();
  render(
    <VirtualRows
      label="Numbers"
      rows={given}
      keyOf={(row) => row.id}
      rowHeight={24}
      complete
      head={<HeadCell>Number</HeadCell>}
      rowClass=""
      onOpen={onOpen}
      onNearEnd={onNearEnd}
    >
      {(row) => <Cell>{row.id}</Cell>}
    </VirtualRows>,
  );
  const grid = screen.getByRole("grid", { name: "Numbers" });
  const active = () => document.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.textContent;
  return { grid, active, onOpen, onNearEnd, user: userEvent.setup() };
}

describe("a list of a hundred thousand rows", () => {
  it("has only a window of them in the document, and says how many there are", () => {
    const { grid } = open();
    const drawn = within(grid).getAllByRole("row");
    expect(drawn.length).toBeGreaterThan(20);
    expect(drawn.length).toBeLessThan(80);
    expect(grid.getAttribute("aria-rowcount")).toBe("100001");
    expect(within(grid).getByRole("row", { name: "1" }).getAttribute("aria-rowindex")).toBe("2");
  });

  it("is walked by keys, one stop of Tab", async () => {
    const { active, grid, onOpen, user } = open();
    await user.tab();
    expect(document.activeElement).toBe(grid);
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowUp}{ArrowDown}");
    expect(active()).toBe("2");
    await user.keyboard("{PageDown}");
    expect(Number(active())).toBeGreaterThan(20);
    await user.keyboard("{PageUp}");
    expect(active()).toBe("2");
    await user.keyboard("{End}");
    expect(active()).toBe("100000");
    await user.keyboard("{ArrowDown}{Enter}");
    expect(onOpen).toHaveBeenCalledExactlyOnceWith({ id: 100_000 });
    await user.keyboard("{Home}{ArrowUp}");
    expect(active()).toBe("1");
  });

  it("opens a row by a click", async () => {
    const { onOpen, user } = open();
    await user.click(screen.getByRole("row", { name: "3" }));
    expect(onOpen).toHaveBeenCalledExactlyOnceWith({ id: 3 });
  });

  it("asks for more only near its end", () => {
    expect(open().onNearEnd).not.toHaveBeenCalled();
  });

  it("asks for more at its end", () => {
    expect(open(rows.slice(0, 20)).onNearEnd).toHaveBeenCalled();
  });
});
