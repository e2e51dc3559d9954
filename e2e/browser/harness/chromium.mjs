// Finds the Chromium that the machine has.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The names by which distributions know it; `scripts/setup.sh` takes each of them for it. */
export const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** `CHROMIUM`, or the first of the names on the path. */
export function chromiumPath({ CHROMIUM, PATH = "" } = process.env) {
  if (CHROMIUM) return CHROMIUM;
  const folders = PATH.split(delimiter).filter(Boolean);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (!found) throw new Error(`there is no ${NAMES.join(", ")} on the path: run \`make setup\`, or set CHROMIUM`);
  return found;
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
