// The page around sends what to show; see preview.html.
const frame = document.querySelector("iframe");
window.addEventListener("message", (event) => {
  if (event.source === window.parent && typeof event.data === "string") frame.srcdoc = event.data;
});
