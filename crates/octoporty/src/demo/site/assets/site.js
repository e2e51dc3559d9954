"use strict";

const MADE_BYTES = 64_000_000;
const at = (id) => document.getElementById(id);
const put = (id, text) => { at(id).textContent = text; };
const state = (id, kind, text) => { at(id).dataset.state = kind; put(id, text); };
const rate = (bytes, since) => `${(bytes / 1048576 / Math.max((performance.now() - since) / 1000, 0.001)).toFixed(0)} MiB/s`;

// The browser hashes only in secure contexts; names under localhost are one.
async function sha256(data) {
  if (!crypto.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function compare(prefix, there, here) {
  put(`${prefix}-there`, there);
  put(`${prefix}-here`, here ?? "this browser hashes only on https or localhost");
  if (here === null) state(`${prefix}-state`, "unknown", "arrived, not compared");
  else if (here === there) state(`${prefix}-state`, "good", "whole");
  else state(`${prefix}-state`, "bad", "the checksums differ");
}

function clock() {
  const source = new EventSource("/events");
  let count = 0;
  source.onopen = () => state("clock-state", "good", "open");
  source.onerror = () => state("clock-state", "bad", "lost, connecting again");
  source.addEventListener("clock", (event) => {
    const { time, unixMs } = JSON.parse(event.data);
    count += 1;
    put("clock", time.slice(0, 8));
    put("clock-count", String(count));
    put("clock-delay", `${Math.max(Date.now() - unixMs, 0)} ms`);
  });
}

function echo() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  const sent = [];
  socket.onopen = () => state("echo-state", "good", "open");
  socket.onclose = () => {
    state("echo-state", "bad", "closed, connecting again");
    setTimeout(echo, 2000);
  };
  socket.onmessage = (event) => {
    put("echo-back", event.data);
    put("echo-time", `${(performance.now() - sent.shift()).toFixed(1)} ms`);
  };
  at("echo-form").onsubmit = (event) => {
    event.preventDefault();
    if (socket.readyState !== WebSocket.OPEN) return;
    sent.push(performance.now());
    socket.send(at("echo-text").value);
  };
}

function upload(data) {
  const request = new XMLHttpRequest();
  const start = performance.now();
  const fail = () => state("upload-state", "bad", "failed");
  state("upload-state", "busy", "sending");
  request.upload.onprogress = (event) => {
    at("upload-progress").value = event.loaded / event.total;
    put("upload-rate", rate(event.loaded, start));
  };
  request.onerror = fail;
  request.onload = async () => {
    if (request.status !== 200) return fail();
    at("upload-progress").value = 1;
    compare("upload", JSON.parse(request.responseText).sha256, await sha256(await data.arrayBuffer()));
  };
  request.open("POST", "/upload");
  request.send(data);
}

function made() {
  const block = new Uint8Array(65536);
  crypto.getRandomValues(block);
  const blocks = Array.from({ length: Math.ceil(MADE_BYTES / block.length) }, () => block);
  return new Blob(blocks).slice(0, MADE_BYTES);
}

async function download() {
  const start = performance.now();
  state("download-state", "busy", "fetching");
  const response = await fetch(`/download?size=${MADE_BYTES}`);
  if (!response.ok) throw new Error(`answer ${response.status}`);
  const data = new Uint8Array(MADE_BYTES);
  const reader = response.body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    data.set(value, length);
    length += value.length;
    at("download-progress").value = length / MADE_BYTES;
    put("download-rate", rate(length, start));
  }
  const there = (await (await fetch(`/download.sha256?size=${MADE_BYTES}`)).text()).slice(0, 64);
  compare("download", there, await sha256(data.subarray(0, length)));
}

async function attempt(path, bound) {
  const start = performance.now();
  const row = at("trouble-rows").insertRow(0);
  const cells = [row.insertCell(), row.insertCell(), row.insertCell()];
  cells[2].className = "figure";
  cells[0].textContent = path;
  cells[1].textContent = "waiting";
  const signal = bound ? AbortSignal.timeout(bound * 1000) : undefined;
  try {
    const response = await fetch(path, { headers: { accept: "application/json" }, cache: "no-store", signal });
    const body = await response.text();
    const made = (response.headers.get("content-type") ?? "").includes("json") ? JSON.parse(body) : null;
    cells[1].textContent = made?.code ? `${response.status} ${made.code}: ${made.detail ?? made.message ?? ""}` : `${response.status} ${body.slice(0, 120)}`;
  } catch (error) {
    cells[1].textContent = error.name === "TimeoutError" ? "we left" : "cut off half way";
  }
  cells[2].textContent = `${((performance.now() - start) / 1000).toFixed(2)} s`;
}

clock();
echo();
at("upload-form").onsubmit = (event) => {
  event.preventDefault();
  const file = at("upload-file").files[0];
  if (file) upload(file);
  else state("upload-state", "unknown", "choose a file first");
};
at("upload-made").onclick = () => upload(made());
at("download-start").onclick = () => download().catch((error) => state("download-state", "bad", error.message));
for (const button of document.querySelectorAll("[data-try]")) {
  button.onclick = () => attempt(button.dataset.try, Number(button.dataset.bound ?? 0));
}
fetch("/headers").then((response) => response.text()).then((text) => put("headers", text));
