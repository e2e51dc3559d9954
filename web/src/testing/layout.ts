/** The tests' document has no layout: a list shows so much of what its rows are high together. */
export function giveLayout(): void {
  const isList = (element: Element) => element.getAttribute("role") === "grid";
  const rowsHeight = (element: Element) =>
    Number.parseFloat(
      element.querySelector<HTMLElement>('[role="rowgroup"]:last-child')?.style.height ?? "0",
    );
  const define = (name: string, get: (this: HTMLElement) => number) =>
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get });
  define("clientHeight", function () {
    return isList(this) ? 640 : 0;
  });
  define("scrollHeight", function () {
    return isList(this) ? Math.max(640, 32 + rowsHeight(this)) : 0;
  });
  define("offsetHeight", () => 24);
  Element.prototype.scrollTo = function (this: Element, options?: ScrollToOptions | number) {
    const top = typeof options === "object" ? (options.top ?? 0) : 0;
    this.scrollTop = Math.max(0, Math.min(top, this.scrollHeight - this.clientHeight));
    this.dispatchEvent(new Event("scroll"));
  };
}
