import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Pencil, Trash2 } from "lucide-react";
import { describe, expect, it, vi } from "vitest";
import { Button } from "./button";
import { CopyButton } from "./copy-button";
import { ConfirmDialog } from "./dialog";
import { Menu } from "./menu";
import { Toasts, toast } from "./toast";

describe("a menu", () => {
  function open() {
    const onEdit = vi.fn();
    const onDelete = vi.fn();
    render(
      <Menu
        label="Actions"
        items={[
          { label: "Edit", icon: Pencil, onSelect: onEdit },
          { label: "Delete", icon: Trash2, onSelect: onDelete, danger: true },
        ]}
      />,
    );
    return { user: userEvent.setup(), onEdit, onDelete };
  }

  it("is worked by keys and gives the focus back", async () => {
    const { user, onEdit, onDelete } = open();
    await user.tab();
    await user.keyboard("{Enter}");
    expect(document.activeElement?.textContent).toBe("Edit");
    await user.keyboard("{ArrowUp}");
    expect(document.activeElement?.textContent).toBe("Delete");
    await user.keyboard("{ArrowDown}{End}{Enter}");
    expect(onDelete).toHaveBeenCalledTimes(1);
    expect(onEdit).not.toHaveBeenCalled();
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Actions" }));
  });

  it("closes by Escape and by a press elsewhere", async () => {
    const { user } = open();
    await user.click(screen.getByRole("button", { name: "Actions" }));
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("menu")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Actions" }));
    await user.pointer({ keys: "[MouseLeft]", target: document.body });
    expect(screen.queryByRole("menu")).toBeNull();
  });
});

describe("a question", () => {
  it("is answered by its buttons, its cross and Escape", async () => {
    const onConfirm = vi.fn();
    const onCancel = vi.fn();
    render(
      <ConfirmDialog title="Delete it?" action="Delete" onConfirm={onConfirm} onCancel={onCancel}>
        It is gone then.
      </ConfirmDialog>,
    );
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "Delete" }));
    expect(onConfirm).toHaveBeenCalledTimes(1);
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    await user.click(screen.getByRole("button", { name: "Close" }));
    screen.getByRole("alertdialog").dispatchEvent(new Event("cancel", { cancelable: true }));
    expect(onCancel).toHaveBeenCalledTimes(3);
  });
});

it("a busy button keeps its place and does nothing", async () => {
  const onClick = vi.fn();
  render(
    <Button busy onClick={onClick}>
      Save
    </Button>,
  );
  await userEvent.setup().click(screen.getByRole("button", { name: "Save" }));
  expect(onClick).not.toHaveBeenCalled();
  expect(screen.getByRole("button").getAttribute("aria-busy")).toBe("true");
});

describe("copying", () => {
  it("uses the clipboard where it may", async () => {
    vi.stubGlobal("isSecureContext", true);
    const user = userEvent.setup();
    render(<CopyButton text="https://a.example/" label="Copy the URL" />);
    await user.click(screen.getByRole("button", { name: "Copy the URL" }));
    await screen.findByRole("button", { name: "Copied" });
    expect(await navigator.clipboard.readText()).toBe("https://a.example/");
  });

  it("works on plain HTTP as well", async () => {
    vi.stubGlobal("isSecureContext", false);
    const copied: string[] = [];
    document.execCommand = () => {
      copied.push(document.querySelector("textarea")?.value ?? "");
      return true;
    };
    render(<CopyButton text="https://a.example/" label="Copy the URL" />);
    await userEvent.setup().click(screen.getByRole("button", { name: "Copy the URL" }));
    await screen.findByRole("button", { name: "Copied" });
    expect(copied).toEqual(["https://a.example/"]);
    expect(document.querySelector("textarea")).toBeNull();
  });
});

describe("toasts", () => {
  it("can be closed, and do not pile up", async () => {
    render(<Toasts />);
    for (const text of ["one", "two", "three", "four"]) toast(text);
    await screen.findByText("four");
    expect(screen.queryByText("one")).toBeNull();
    const [first] = screen.getAllByRole("button", { name: "Close notification" });
    if (!first) throw new Error("a toast has a button");
    await userEvent.setup().click(first);
    await waitFor(() => expect(screen.queryByText("two")).toBeNull());
    expect(screen.getByText("three")).toBeTruthy();
  });
});
