/**
 * One tab at a time. Tabs share the session's cookies, and a refresh token is single-use: two tabs that renew with the
 * same one would look like a theft and end the session for both.
 */

const NAME = "octoporty.session";
/** A holder that vanished (its tab was closed) blocks the others no longer than this; milliseconds. */
const STALE_MS = 5_000;
/** How long a claim has to stand unchallenged, and how often a held one is looked at; milliseconds. */
const SETTLE_MS = 40;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` while no other tab of this console does. */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  // Web Locks are kept from pages on plain HTTP, as a console on a LAN is; a claim in the storage stands in for them.
  if (navigator.locks) return await navigator.locks.request(NAME, work);
  const mine = crypto.getRandomValues(new Uint32Array(2)).join("-");
  try {
    await claim(mine);
  } catch {
    // Without storage the tabs cannot see each other.
    return work();
  }
  try {
    return await work();
  } finally {
    if (holder()?.who === mine) localStorage.removeItem(NAME);
  }
}

function holder(): { who: string; at: number } | undefined {
  const [who, at] = (localStorage.getItem(NAME) ?? "").split("@");
  return who && at && Date.now() - Number(at) < STALE_MS ? { who, at: Number(at) } : undefined;
}

async function claim(mine: string): Promise<void> {
  for (;;) {
    while (holder()) await pause(SETTLE_MS);
    localStorage.setItem(NAME, `${mine}@${Date.now()}`);
    // Another tab may have written in the same moment; the last one stands.
    await pause(SETTLE_MS);
    if (holder()?.who === mine) return;
  }
}
